//! `serde(with)` for values of the `http` crate that are written as text: parsed when read, so a mistake is told at the
//! place where it stands.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// A value that does not print as it was written (a fragment behind a path) is refused: part of it would have been lost.
pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display> + Display,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    let value: T = text.parse().map_err(|error| D::Error::custom(format_args!("`{text}`: {error}")))?;
    if value.to_string() == text {
        Ok(value)
    } else {
        Err(D::Error::custom(format_args!("`{text}` would be read as `{value}`")))
    }
}

pub(crate) mod option {
    use super::*;

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display> + Display,
        D: Deserializer<'de>,
    {
        super::deserialize(deserializer).map(Some)
    }
}
