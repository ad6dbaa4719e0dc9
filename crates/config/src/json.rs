//! TOML values as JSON.

use serde_json::{Map, Value};

/// A table as a JSON object. Dates become texts, and numbers that JSON has not become `null`.
pub(crate) fn table(table: &toml::Table) -> Value {
    Value::Object(table.iter().map(|(key, item)| (key.clone(), value(item))).collect::<Map<_, _>>())
}

fn value(item: &toml::Value) -> Value {
    match item {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(truth) => (*truth).into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(items) => items.iter().map(value).collect(),
        toml::Value::Table(items) => table(items),
    }
}

/// Whether JSON can hold every number in the value.
pub(crate) fn fits(item: &toml::Value) -> bool {
    match item {
        toml::Value::Float(number) => number.is_finite(),
        toml::Value::Array(items) => items.iter().all(fits),
        toml::Value::Table(items) => items.values().all(fits),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_has_its_json() {
        let text = "a = 1\nb = [1.5, true, \"x\"]\nc = { d = 2020-01-01 }";
        let read: toml::Table = toml::from_str(text).unwrap();
        assert_eq!(table(&read).to_string(), r#"{"a":1,"b":[1.5,true,"x"],"c":{"d":"2020-01-01"}}"#);
        assert!(read.values().all(fits));
    }

    #[test]
    fn what_json_cannot_hold_is_found() {
        let read: toml::Table = toml::from_str("a = [{ b = nan }]").unwrap();
        assert!(!read.values().all(fits));
    }
}
