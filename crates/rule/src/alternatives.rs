//! One value, or a list of alternatives.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::StrDeserializer;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One or more alternatives, of which one has to hold. Each is a text; a single one may stand without a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternatives<T>(Vec<T>);

/// A list of alternatives was empty: nothing could ever match it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this list is empty: name at least one value, or leave the key out")]
pub struct NoAlternative;

impl<T> Alternatives<T> {
    /// Keeps the alternatives.
    ///
    /// # Errors
    /// [`NoAlternative`] when there is none.
    pub fn new(alternatives: Vec<T>) -> Result<Self, NoAlternative> {
        if alternatives.is_empty() { Err(NoAlternative) } else { Ok(Self(alternatives)) }
    }

    /// The alternatives in the order in which they were written.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// Whether one of the alternatives holds.
    pub(crate) fn any(&self, holds: impl FnMut(&T) -> bool) -> bool {
        self.0.iter().any(holds)
    }
}

impl<T> From<T> for Alternatives<T> {
    fn from(single: T) -> Self {
        Self(vec![single])
    }
}

impl<T: Serialize> Serialize for Alternatives<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [single] => single.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Alternatives<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AlternativesVisitor(PhantomData))
    }
}

struct AlternativesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AlternativesVisitor<T> {
    type Value = Alternatives<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        T::deserialize(StrDeserializer::new(text)).map(Alternatives::from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut alternatives = Vec::new();
        while let Some(alternative) = list.next_element()? {
            alternatives.push(alternative);
        }
        Alternatives::new(alternatives).map_err(Error::custom)
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Alternatives<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("AlternativesOf{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}
