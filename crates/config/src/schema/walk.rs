//! From a schema to those of its parts.

use serde_json::{Map, Value};

use crate::path::Step;

/// How many schemas may stand for one value; a bound for the walk, far above what there is.
const MOST_SHAPES: usize = 64;

/// The schemas of what is at `step` of a value that `schema` describes.
pub(crate) fn step_into<'s>(root: &'s Value, schema: &'s Value, step: &Step) -> Vec<&'s Value> {
    let mut found = Vec::new();
    for shape in shapes(root, schema) {
        let child = match step {
            Step::Index(_) => shape.get("items"),
            Step::Key(key) => property(shape, key),
        };
        found.extend(child);
    }
    found
}

fn property<'s>(shape: &'s Map<String, Value>, key: &str) -> Option<&'s Value> {
    let named = shape.get("properties").and_then(|properties| properties.get(key));
    // The only patterns are those of names.
    let patterned = || shape.get("patternProperties")?.as_object()?.values().next();
    named.or_else(patterned).or_else(|| shape.get("additionalProperties").filter(|schema| schema.is_object()))
}

/// A schema, what it refers to, and its alternatives.
pub(crate) fn shapes<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Map<String, Value>> {
    let (mut open, mut found) = (vec![schema], Vec::new());
    while let Some(schema) = open.pop().and_then(Value::as_object).filter(|_| found.len() < MOST_SHAPES) {
        found.push(schema);
        let reference = schema.get("$ref").and_then(Value::as_str);
        open.extend(reference.and_then(|reference| root.pointer(reference.trim_start_matches('#'))));
        let choices = ["allOf", "anyOf", "oneOf"].iter().filter_map(|key| schema.get(*key)?.as_array());
        open.extend(choices.flatten());
    }
    found
}
