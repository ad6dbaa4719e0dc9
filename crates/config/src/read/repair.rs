//! Takes out of the tree what an error is about.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Error};

use super::explain::{explain, unknown_field};
use super::removed::{Removed, before_gaps};
use super::retype::retype;
use super::trouble::Trouble;
use crate::finding::{At, Finding};
use crate::limits::MAX_PROBLEMS;
use crate::locate::{node, node_mut, place};
use crate::path::{KeyPath, Step};
use crate::suggest::guess;
use crate::tree::{NAMED, Tree};

/// Says what `error` is about and takes it out of the table at `base`. `None` when that is the whole table.
pub(super) fn repair(
    tree: &mut Tree<'_>,
    removed: &mut Removed,
    base: &KeyPath,
    error: &Error,
    findings: &mut Vec<Finding>,
) -> Option<()> {
    let path = error.span().and_then(|span| find(&tree.root, base, &span)).unwrap_or_else(|| base.clone());
    let trouble = Trouble::of(error.message());
    if let Trouble::WrongType { .. } = trouble
        && retype(tree, &path)
    {
        return Some(());
    }
    if let Trouble::UnknownField { known, .. } = &trouble
        && remove_unknown(tree, removed, &path, known, findings)
    {
        return Some(());
    }
    let node = node(&tree.root, &path);
    if !node.is_some_and(|node| is_excused(tree, removed, &trouble, node)) {
        let finding = explain(&trouble, error.message(), &path, node);
        findings.push(placed(finding, tree, removed));
    }
    let (parent, last) = path.split()?;
    if path == *base {
        return None;
    }
    remove(tree, removed, &parent, last);
    Some(())
}

/// Says that a list or a date stands where a table belongs, and takes it out.
pub(super) fn refuse_list(tree: &mut Tree<'_>, removed: &mut Removed, path: &KeyPath, findings: &mut Vec<Finding>) {
    let Some((parent, last)) = path.split() else { return };
    let is_date = node(&tree.root, path).is_some_and(|node| node.get_ref().is_datetime());
    let found = if is_date { "a date" } else { "sequence" };
    let trouble = Trouble::WrongType { found, expected: "a map" };
    let finding = explain(&trouble, "", path, node(&tree.root, path));
    let finding = match last {
        Step::Key(section) if parent == KeyPath::root() && NAMED.contains(&section.as_str()) => {
            finding.help(format!("write `[{section}.NAME]`"))
        }
        _ => finding,
    };
    findings.push(placed(finding, tree, removed));
    remove(tree, removed, &parent, last);
}

/// Whether the error follows from something that was taken out, or could not be filled in, and has been said.
fn is_excused(tree: &Tree<'_>, removed: &Removed, trouble: &Trouble<'_>, node: &Spanned<DeValue<'_>>) -> bool {
    let place = node.span().start;
    match trouble {
        _ if tree.unfilled.contains(&place) => true,
        Trouble::MissingField(field) => removed.key(place, field),
        _ => is_hollow(removed, node),
    }
}

/// Whether a list or table in it is empty because of what was taken out.
fn is_hollow(removed: &Removed, node: &Spanned<DeValue<'_>>) -> bool {
    let empty = || removed.from(node.span().start);
    match node.get_ref() {
        DeValue::Array(list) => list.is_empty() && empty() || list.iter().any(|value| is_hollow(removed, value)),
        DeValue::Table(table) => table.is_empty() && empty() || table.values().any(|value| is_hollow(removed, value)),
        _ => false,
    }
}

/// Says every unknown key of the table that `path` is one of, and takes them out. `false` when there is none.
fn remove_unknown(
    tree: &mut Tree<'_>,
    removed: &mut Removed,
    path: &KeyPath,
    known: &[&str],
    findings: &mut Vec<Finding>,
) -> bool {
    let Some((parent, _)) = path.split() else { return false };
    // The root, which is no value, starts at 0.
    let (place, table) = match node(&tree.root, &parent) {
        Some(node) => (node.span().start, node.get_ref().as_table()),
        None => (0, Some(&tree.root)),
    };
    let named = if table.is_some_and(|table| std::ptr::eq(table, &tree.root)) { NAMED.as_slice() } else { &[] };
    let is_unknown = |key: &&str| !known.contains(key) && !named.contains(key);
    let keys = table.into_iter().flat_map(|table| table.keys()).map(|key| key.get_ref().as_ref());
    let unknown: Vec<String> = keys.filter(is_unknown).map(str::to_owned).collect();
    for key in &unknown {
        if findings.len() < MAX_PROBLEMS {
            let finding = unknown_field(key, known, &parent.key(key));
            findings.push(placed(finding, tree, removed));
            // What was meant is not missing.
            removed.keys.extend(guess(key, known.iter().copied()).map(|meant| (place, meant.to_owned())));
        }
    }
    unknown.iter().for_each(|key| remove(tree, removed, &parent, &Step::Key(key.clone())));
    !unknown.is_empty()
}

/// The finding with its place and path, which the tree will not know any more.
fn placed(finding: Finding, tree: &Tree<'_>, removed: &Removed) -> Finding {
    let root = &tree.root;
    let at = match &finding.at {
        At::Key(path) => place(root, path).map(|place| At::Span(place.key, removed.original(root, path))),
        At::Value(path) => place(root, path).map(|place| At::Span(place.value, removed.original(root, path))),
        At::Span(..) => None,
    };
    Finding { at: at.unwrap_or(finding.at), ..finding }
}

/// The deepest key or value that stands exactly at `span`.
fn find(root: &DeTable<'_>, base: &KeyPath, span: &Range<usize>) -> Option<KeyPath> {
    let steps = match node(root, base) {
        Some(node) => look(node, span),
        None => look_table(root, span),
    };
    Some(steps?.into_iter().rev().fold(base.clone(), |path, step| path.then(step)))
}

/// The way to what stands at `span`, last step first: only what is found costs an allocation.
fn look(node: &Spanned<DeValue<'_>>, span: &Range<usize>) -> Option<Vec<Step>> {
    let deeper = match node.get_ref() {
        DeValue::Table(table) => look_table(table, span),
        DeValue::Array(array) => array.iter().enumerate().find_map(|(index, value)| {
            let mut steps = look(value, span)?;
            steps.push(Step::Index(index));
            Some(steps)
        }),
        _ => None,
    };
    deeper.or_else(|| (node.span() == *span).then(Vec::new))
}

fn look_table(table: &DeTable<'_>, span: &Range<usize>) -> Option<Vec<Step>> {
    table.iter().find_map(|(key, value)| {
        let mut steps = look(value, span).or_else(|| (key.span() == *span).then(Vec::new))?;
        steps.push(Step::Key(key.get_ref().to_string()));
        Some(steps)
    })
}

fn remove(tree: &mut Tree<'_>, removed: &mut Removed, parent: &KeyPath, last: &Step) {
    let Some(holder) = node_mut(&mut tree.root, parent) else {
        if let Step::Key(key) = last {
            tree.root.remove(key.as_str());
            removed.keys.insert((0, key.clone()));
            removed.losers.insert(0);
        }
        return;
    };
    let place = holder.span().start;
    removed.losers.insert(place);
    match (last, holder.get_mut()) {
        (Step::Key(key), DeValue::Table(table)) => {
            table.remove(key.as_str());
            removed.keys.insert((place, key.clone()));
        }
        (Step::Index(gone), DeValue::Array(array)) => {
            let kept = std::mem::replace(array, DeArray::new()).into_iter().enumerate();
            *array = kept.filter(|(index, _)| index != gone).map(|(_, value)| value).collect();
            let gaps = removed.gaps.entry(place).or_default();
            gaps.push(before_gaps(*gone, gaps));
            gaps.sort_unstable();
        }
        _ => {}
    }
}
