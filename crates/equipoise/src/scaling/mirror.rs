//! What the admin address shows of scaling, made from what the fleet shows; and its orders, made the fleet's.

mod alarm;
mod group;
mod metric;
mod order;
mod policy;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use equipoise_scale::Moment;
use serde::Serialize;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{Deserialize, IntoDeserializer as _};

pub(crate) use alarm::{alarm, transition};
pub(crate) use group::{Seen, activity, group};
pub(crate) use metric::{key, series, statistic};
pub(crate) use order::{order, refusal};

/// As a time of the wall clock.
pub(crate) fn time(moment: Moment) -> SystemTime {
    // A century beyond what the system can hold is no time that anybody set.
    UNIX_EPOCH.checked_add(Duration::from_millis(moment.millis())).unwrap_or(UNIX_EPOCH)
}

/// A unit variant as the configuration spells it.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // Only enums of unit variants are asked for.
        _ => String::new(),
    }
}

/// The variant that the configuration spells so.
fn spelled<'a, T: Deserialize<'a>>(word: &'a str) -> Option<T> {
    let word: StrDeserializer<'a, Error> = word.into_deserializer();
    T::deserialize(word).ok()
}
