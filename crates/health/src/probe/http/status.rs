//! Which status codes pass.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use http::StatusCode;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of status codes, written as numbers and ranges: "200-299,404".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedStatus(Vec<RangeInclusive<u16>>);

/// Why a text does not name status codes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no status codes: use numbers and ranges from 100 to 599, as \"200-299,404\"")]
pub struct ExpectedStatusError {
    /// The part that was refused.
    text: String,
}

impl ExpectedStatus {
    /// Whether `status` passes.
    #[must_use]
    pub fn contains(&self, status: StatusCode) -> bool {
        self.0.iter().any(|range| range.contains(&status.as_u16()))
    }
}

impl Default for ExpectedStatus {
    fn default() -> Self {
        Self(vec![200..=299])
    }
}

impl FromStr for ExpectedStatus {
    type Err = ExpectedStatusError;
    fn from_str(text: &str) -> Result<Self, ExpectedStatusError> {
        text.split(',').map(|part| range(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn range(part: &str) -> Result<RangeInclusive<u16>, ExpectedStatusError> {
    let code = |text: &str| text.parse().ok().filter(|code| (100..=599).contains(code) && text.len() == 3);
    let ends = match part.split_once('-') {
        Some((first, last)) => code(first.trim()).zip(code(last.trim())),
        None => code(part).map(|code| (code, code)),
    };
    match ends {
        Some((first, last)) if first <= last => Ok(first..=last),
        _ => Err(ExpectedStatusError { text: part.chars().take(40).collect() }),
    }
}

impl fmt::Display for ExpectedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, range) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(f, "{comma}{first}")?,
                (first, last) => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for ExpectedStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ExpectedStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shapes)
    }
}

struct Shapes;

impl<'de> Visitor<'de> for Shapes {
    type Value = ExpectedStatus;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status code, a text like \"200-299,404\", or a list of these")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ExpectedStatus, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<ExpectedStatus, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<ExpectedStatus, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ExpectedStatus, A::Error> {
        let mut ranges = Vec::new();
        while let Some(ExpectedStatus(more)) = list.next_element()? {
            ranges.extend(more);
        }
        match ranges.is_empty() {
            true => Err(de::Error::invalid_length(0, &self)),
            false => Ok(ExpectedStatus(ranges)),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for ExpectedStatus {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ExpectedStatus".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = serde_json::json!([
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": "^ *[1-5][0-9]{2} *(- *[1-5][0-9]{2} *)?(, *[1-5][0-9]{2} *(- *[1-5][0-9]{2} *)?)*$" }
        ]);
        schemars::json_schema!({
            "anyOf": [one[0], one[1], { "type": "array", "minItems": 1, "items": { "anyOf": one } }]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, pass: &[u16], fail: &[u16]) {
        let expected: ExpectedStatus = text.parse().unwrap();
        let contains = |code: &u16| expected.contains(StatusCode::from_u16(*code).unwrap());
        assert!(pass.iter().all(contains) && !fail.iter().any(contains), "{text}");
        assert_eq!(expected.to_string().parse(), Ok(expected), "{text} prints as what it is");
    }

    #[test]
    fn numbers_and_ranges_name_codes() {
        check("200", &[200], &[199, 201, 500]);
        check("200-399", &[200, 301, 399], &[199, 400]);
        check("200, 204 - 206 ,404", &[200, 204, 206, 404], &[201, 207, 403]);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "ok", "20", "2000", "600", "099", "300-200", "200-", "-200", "200,,201", "+20", "2 0"] {
            assert!(text.parse::<ExpectedStatus>().is_err(), "{text:?}");
        }
    }
}
