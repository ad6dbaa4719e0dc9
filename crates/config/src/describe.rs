//! What a key means, in the words of its documentation: the hint when nothing more particular is known.

use serde_json::{Map, Value};

use crate::path::{KeyPath, Step};

/// How many schemas may stand for one value; a bound for the walk, far above what there is.
const MOST_SHAPES: usize = 64;

/// The description of the key at `path`.
pub(crate) fn describe(path: &KeyPath) -> Option<String> {
    let root = crate::schema::document();
    let mut shapes = vec![&root];
    let mut text = None;
    for step in path.steps() {
        let found: Vec<_> = shapes.iter().flat_map(|shape| step_into(&root, shape, step)).take(MOST_SHAPES).collect();
        if found.is_empty() {
            return None;
        }
        let own = found.iter().find_map(|shape| shape.get("description")?.as_str());
        // Else the words of what it is, or, for an entry, those of its list.
        let of_type = || {
            let mut types = found.iter().flat_map(|shape| self::shapes(&root, shape));
            types.find_map(|shape| shape.get("description")?.as_str())
        };
        let of_list = if matches!(step, Step::Index(_)) { text } else { None };
        text = own.or_else(of_type).or(of_list);
        shapes = found;
    }
    let words: Vec<_> = text?.split_whitespace().collect();
    Some(format!("`{}`: {}", path.last_key(), words.join(" ")))
}

/// The schemas of what is at `step` of a value that `schema` describes.
fn step_into<'s>(root: &'s Value, schema: &'s Value, step: &Step) -> Vec<&'s Value> {
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
fn shapes<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Map<String, Value>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(steps: &[&str], part: &str) {
        let path = steps.iter().fold(KeyPath::root(), |path, step| match step.parse() {
            Ok(index) => path.index(index),
            Err(_) => path.key(step),
        });
        let text = describe(&path).unwrap_or_default();
        assert!(text.contains(part), "{path}: {text}");
    }

    #[test]
    fn every_depth_has_its_words() {
        check(&["workers"], "`workers`: Threads that serve requests: 1 to 1024");
        check(&["listener", "web", "timeouts", "head"], "\"100ms\" to \"1h\"");
        check(&["target-group", "todo", "targets", "0", "weight"], "0 (takes no new ones) to 1000");
        check(&["target-group", "todo", "health-check", "http", "interval"], "default \"10s\"");
        check(&["target-group", "todo", "health-check", "1", "http", "interval"], "default \"10s\"");
        check(&["target-group", "todo", "balance", "consistent-hash", "bounded-load"], "from 1.0 to 100.0");
        check(&["listener", "web", "rule", "3", "then", "redirect"], "To another place");
    }

    #[test]
    fn what_is_not_there_has_no_words() {
        assert_eq!(describe(&KeyPath::root().key("nothing").key("here")), None);
        assert_eq!(describe(&KeyPath::root()), None);
    }
}
