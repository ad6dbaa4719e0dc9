//! Numbers and truth values that came out of `${…}`.

use std::borrow::Cow;
use std::collections::HashSet;

use toml::Spanned;
use toml::de::DeValue;

use crate::path::{KeyPath, Step};
use crate::tree::Tree;

/// A string that came out of `${…}` may stand for a number or a truth value: the type tells. What is true of one entry
/// of a list is true of the others.
pub(super) fn retype(tree: &mut Tree<'_>, path: &KeyPath) -> bool {
    let Some((Step::Key(first), rest)) = path.steps().split_first() else { return false };
    let Some(node) = tree.root.get_mut(first.as_str()) else { return false };
    retype_like(node, rest, &tree.filled)
}

fn retype_like(node: &mut Spanned<DeValue<'_>>, path: &[Step], filled: &HashSet<usize>) -> bool {
    let Some((step, rest)) = path.split_first() else { return retype_one(node, filled) };
    match (step, node.get_mut()) {
        (Step::Key(key), DeValue::Table(table)) => {
            table.get_mut(key.as_str()).is_some_and(|value| retype_like(value, rest, filled))
        }
        (Step::Index(_), DeValue::Array(array)) => {
            // Every entry, not only up to the first that fits.
            array.iter_mut().filter_map(|value| retype_like(value, rest, filled).then_some(())).count() > 0
        }
        _ => false,
    }
}

fn retype_one(node: &mut Spanned<DeValue<'_>>, filled: &HashSet<usize>) -> bool {
    let DeValue::String(Cow::Borrowed(text)) = node.get_ref() else { return false };
    // A variable must not bring structure in: what is parsed as a value is a scalar by its characters.
    let scalar = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_'));
    if !scalar || !filled.contains(&node.span().start) {
        return false;
    }
    match DeValue::parse(text).map(Spanned::into_inner) {
        Ok(value @ (DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_))) => {
            *node.get_mut() = value;
            true
        }
        _ => false,
    }
}
