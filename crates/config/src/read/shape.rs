//! Lists and dates where tables belong.
//!
//! A serde struct can be read from a list too, its fields in order, and the parser does not mind. A user does: `timeouts =
//! ["1s"]` would be accepted, and change its meaning with the next field. Nor does it mind a date: to a map it is one, of a
//! secret key. The schema tells where a table is meant.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::path::{KeyPath, Step};
use crate::schema::{document, shapes, step_into};

/// Where a list or a date stands although only a table may.
pub(super) fn lists_for_tables(root: &DeTable<'_>) -> Vec<KeyPath> {
    let schema = document();
    let mut found = Vec::new();
    table(schema, &[schema], root, &KeyPath::root(), &mut found);
    // From the back, so that taking one out does not move the others.
    found.reverse();
    found
}

fn table(root: &Value, schemas: &[&Value], values: &DeTable<'_>, path: &KeyPath, found: &mut Vec<KeyPath>) {
    for (key, inner) in values.iter().filter(|(_, value)| is_compound(value)) {
        let step = Step::Key(key.get_ref().to_string());
        let schemas: Vec<_> = schemas.iter().flat_map(|schema| step_into(root, schema, &step)).collect();
        value(root, &schemas, inner, &path.then(step), found);
    }
}

fn value(root: &Value, schemas: &[&Value], value: &Spanned<DeValue<'_>>, path: &KeyPath, found: &mut Vec<KeyPath>) {
    match value.get_ref() {
        DeValue::Table(values) => table(root, schemas, values, path, found),
        DeValue::Array(_) | DeValue::Datetime(_) if !schemas.is_empty() && only_tables(root, schemas) => {
            found.push(path.clone());
        }
        DeValue::Array(array) => {
            let inner: Vec<_> = schemas.iter().flat_map(|schema| step_into(root, schema, &Step::Index(0))).collect();
            for (index, item) in array.iter().enumerate().filter(|(_, item)| is_compound(item)) {
                self::value(root, &inner, item, &path.index(index), found);
            }
        }
        _ => {}
    }
}

/// Whether serde may take it for a table.
fn is_compound(value: &Spanned<DeValue<'_>>) -> bool {
    matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_) | DeValue::Datetime(_))
}

/// Whether a table may stand here and a list may not.
fn only_tables(root: &Value, schemas: &[&Value]) -> bool {
    let mut types = Vec::new();
    for schema in schemas.iter().flat_map(|schema| shapes(root, schema)) {
        let refers = ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|key| schema.contains_key(*key));
        match schema.get("type").and_then(Value::as_str) {
            Some(name) => types.push(name),
            // Neither a type nor a choice of types: anything goes.
            None if !refers => return false,
            None => {}
        }
    }
    types.contains(&"object") && !types.contains(&"array")
}
