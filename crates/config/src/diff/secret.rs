//! Values that are not told: a log is read by more people than a configuration.

use toml::Value;

/// What stands for a text that is not told.
const HIDDEN: &str = "…";

/// Keys of tables whose values are not told: variables of instances.
const TABLES: [&str; 1] = ["environment"];
/// Keys whose values are not told: who knows such a URL may post there.
const KEYS: [&str; 1] = ["webhook"];

/// The value at the key `part` as it may be told.
pub(super) fn hidden(part: &str, value: &Value) -> Value {
    let mut value = value.clone();
    let mut steps = part.rsplit('.');
    let (last, before) = (steps.next().unwrap_or_default(), steps.next().unwrap_or_default());
    if TABLES.contains(&last) || TABLES.contains(&before) || KEYS.contains(&last) {
        hide(&mut value);
    } else {
        look(&mut value);
    }
    value
}

fn look(value: &mut Value) {
    match value {
        Value::Table(table) => table.iter_mut().for_each(|(key, value)| {
            if TABLES.contains(&key.as_str()) || KEYS.contains(&key.as_str()) { hide(value) } else { look(value) }
        }),
        Value::Array(values) => values.iter_mut().for_each(look),
        _ => {}
    }
}

fn hide(value: &mut Value) {
    match value {
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| hide(value)),
        Value::Array(values) => values.iter_mut().for_each(hide),
        value => *value = HIDDEN.into(),
    }
}
