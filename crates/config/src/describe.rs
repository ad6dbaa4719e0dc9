//! What a key means, in the words of its documentation: the hint when nothing more particular is known.

use crate::path::{KeyPath, Step};
use crate::schema::{document, shapes, step_into};

/// The description of the key at `path`, or of the nearest one around it that has words.
pub(crate) fn describe(path: &KeyPath) -> Option<String> {
    let root = document();
    let mut schemas = vec![root];
    let mut words = None;
    for step in path.steps() {
        schemas = schemas.iter().flat_map(|schema| step_into(root, schema, step)).collect();
        let own = schemas.iter().find_map(|schema| schema.get("description")?.as_str());
        let of_type = || {
            let mut shapes = schemas.iter().flat_map(|schema| shapes(root, schema));
            shapes.find_map(|shape| shape.get("description")?.as_str())
        };
        words = match (step, own.or_else(of_type)) {
            (Step::Key(key), Some(text)) => Some((key, text)),
            // Of an entry the words of its list say more than those of its type.
            _ => words,
        };
    }
    let (key, text) = words?;
    let text: Vec<_> = text.split_whitespace().collect();
    Some(format!("`{key}`: {}", text.join(" ")))
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
