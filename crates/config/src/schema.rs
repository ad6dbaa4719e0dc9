//! JSON Schema for editors.

mod walk;

use std::sync::LazyLock;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform, transform_subschemas};
use serde_json::{Value, json};

use crate::document::Document;

pub(crate) use walk::{shapes, step_into};

/// The JSON Schema (draft-07, the one that editors of TOML know) of a configuration file, from the same structs that
/// read it.
#[must_use]
pub fn schema() -> String {
    format!("{:#}\n", document())
}

/// The same as a value. Made once: reading and explaining a configuration asks for it again and again.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(make);
    &DOCUMENT
}

fn make() -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Document>();
    RecursiveTransform(without_null).transform(&mut schema);
    or_variable(&mut schema);
    schema.to_value()
}

/// TOML has no `null`: what is optional is left out.
fn without_null(schema: &mut Schema) {
    let is_null = |value: &Value| *value == json!("null") || *value == json!({ "type": "null" });
    for key in ["type", "anyOf"] {
        let Some(Value::Array(choices)) = schema.get_mut(key) else { continue };
        choices.retain(|choice| !is_null(choice));
        if let [single] = choices.as_slice() {
            let single = single.clone();
            schema.remove(key);
            match single {
                // Beside a reference draft-07 ignores every other key, the description too.
                Value::Object(_) => drop(schema.insert("allOf".to_owned(), json!([single]))),
                single => drop(schema.insert(key.to_owned(), single)),
            }
        }
    }
}

/// Where a number or a truth value is expected, a text with `${…}` may stand for it.
fn or_variable(schema: &mut Schema) {
    // From the inside out, since what this adds must not be visited again.
    transform_subschemas(&mut or_variable, schema);
    let scalar = ["integer", "number", "boolean"].iter().any(|name| schema.get("type") == Some(&json!(name)));
    let Some(object) = schema.as_object_mut().filter(|_| scalar) else { return };
    let kept = ["description", "default", "title"];
    let bounds: Vec<String> = object.keys().filter(|key| !kept.contains(&key.as_str())).cloned().collect();
    let plain: serde_json::Map<_, _> = bounds.iter().filter_map(|key| object.remove_entry(key)).collect();
    object.insert("anyOf".to_owned(), json!([plain, { "type": "string", "pattern": r"\$\{" }]));
}
