//! Takes out of the tree what an error is about.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Error};

use super::explain::{Trouble, explain, unknown_field};
use crate::finding::{At, Finding};
use crate::limits::MAX_PROBLEMS;
use crate::locate::{descend, place};
use crate::path::{KeyPath, Step};
use crate::tree::{NAMED, Tree};

/// What was taken out, so that its absence is nobody's mistake.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    /// Keys, each with where its table starts: positions in lists shift when something is taken out, places do not.
    keys: HashSet<(usize, String)>,
    /// Places of lists and tables that lost something.
    losers: HashSet<usize>,
    /// Named tables that could not be read at all.
    lost: HashSet<KeyPath>,
    /// Positions that were taken out of lists, by the place of the list, sorted.
    gaps: HashMap<usize, Vec<usize>>,
}

impl Removed {
    pub(crate) fn lose(&mut self, path: KeyPath) {
        self.lost.insert(path);
    }

    /// The path as it was before anything was taken out of lists on it.
    pub(crate) fn original(&self, root: &DeTable<'_>, path: &KeyPath) -> KeyPath {
        let mut original = KeyPath::root();
        let mut here = KeyPath::root();
        for step in path.steps() {
            let gaps = node(root, &here).and_then(|list| self.gaps.get(&list.span().start));
            original = match (step, gaps) {
                (Step::Index(index), Some(gaps)) => original.index(before_gaps(*index, gaps)),
                _ => original.then(step.clone()),
            };
            here = here.then(step.clone());
        }
        original
    }

    /// Whether the named table was there, but could not be read.
    pub(crate) fn lost(&self, path: &KeyPath) -> bool {
        self.lost.contains(path) || path.split().is_some_and(|(section, _)| self.lost.contains(&section))
    }

    /// Whether `key` was taken out of the table that starts at `table`, or something out of the table at `key`.
    pub(crate) fn key(&self, table: usize, key: &str) -> bool {
        self.keys.contains(&(table, key.to_owned()))
    }

    /// Whether something was taken out of the list or table that starts at `place`.
    pub(crate) fn from(&self, place: usize) -> bool {
        self.losers.contains(&place)
    }
}

/// The position that `index` had before the positions `gaps` were taken out.
fn before_gaps(index: usize, gaps: &[usize]) -> usize {
    gaps.iter().fold(index, |index, gap| if *gap <= index { index + 1 } else { index })
}

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
    let place = node.map(|node| node.span().start);
    let excused = match &trouble {
        _ if place.is_some_and(|place| tree.unfilled.contains(&place)) => true,
        Trouble::MissingField(field) => place.is_some_and(|place| removed.key(place, field)),
        Trouble::KindCount | Trouble::Length => place.is_some_and(|place| removed.from(place)),
        _ => false,
    };
    if !excused {
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

/// Says every unknown key of the table that `path` is one of, and takes them out. `false` when there is none.
fn remove_unknown(
    tree: &mut Tree<'_>,
    removed: &mut Removed,
    path: &KeyPath,
    known: &[&str],
    findings: &mut Vec<Finding>,
) -> bool {
    let Some((parent, _)) = path.split() else { return false };
    let table = match node(&tree.root, &parent) {
        Some(node) => node.get_ref().as_table(),
        None => Some(&tree.root),
    };
    let named = if table.is_some_and(|table| std::ptr::eq(table, &tree.root)) { NAMED.as_slice() } else { &[] };
    let is_unknown = |key: &&str| !known.contains(key) && !named.contains(key);
    let keys = table.into_iter().flat_map(|table| table.keys()).map(|key| key.get_ref().as_ref());
    let unknown: Vec<String> = keys.filter(is_unknown).map(str::to_owned).collect();
    for key in &unknown {
        if findings.len() < MAX_PROBLEMS {
            let finding = unknown_field(key, known, &parent.key(key));
            findings.push(placed(finding, tree, removed));
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

/// A string that came out of `${…}` may stand for a number or a truth value: the type tells. What is true of one entry
/// of a list is true of the others.
fn retype(tree: &mut Tree<'_>, path: &KeyPath) -> bool {
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

/// The deepest key or value that stands exactly at `span`.
fn find(root: &DeTable<'_>, base: &KeyPath, span: &Range<usize>) -> Option<KeyPath> {
    let mut found = None;
    match node(root, base) {
        Some(node) => look(node, base, span, &mut found),
        None => look_table(root, base, span, &mut found),
    }
    found
}

fn look(node: &Spanned<DeValue<'_>>, path: &KeyPath, span: &Range<usize>, found: &mut Option<KeyPath>) {
    if node.span() == *span {
        *found = Some(path.clone());
    }
    match node.get_ref() {
        DeValue::Table(table) => look_table(table, path, span, found),
        DeValue::Array(array) => {
            for (index, value) in array.iter().enumerate() {
                look(value, &path.index(index), span, found);
            }
        }
        _ => {}
    }
}

fn look_table(table: &DeTable<'_>, path: &KeyPath, span: &Range<usize>, found: &mut Option<KeyPath>) {
    for (key, value) in table {
        let path = path.key(key.get_ref());
        if key.span() == *span {
            *found = Some(path.clone());
        }
        look(value, &path, span, found);
    }
}

/// The value at `path`; `None` for the root, which is a table and no value.
pub(crate) fn node<'n, 't>(root: &'n DeTable<'t>, path: &KeyPath) -> Option<&'n Spanned<DeValue<'t>>> {
    let (Step::Key(first), rest) = path.steps().split_first()? else { return None };
    rest.iter().try_fold(root.get(first.as_str())?, |node, step| descend(node, step).map(|(_, node)| node))
}

fn node_mut<'n, 't>(root: &'n mut DeTable<'t>, path: &KeyPath) -> Option<&'n mut Spanned<DeValue<'t>>> {
    let (Step::Key(first), rest) = path.steps().split_first()? else { return None };
    rest.iter().try_fold(root.get_mut(first.as_str())?, |node, step| match (step, node.get_mut()) {
        (Step::Key(key), DeValue::Table(table)) => table.get_mut(key.as_str()),
        (Step::Index(index), DeValue::Array(array)) => array.get_mut(*index),
        _ => None,
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
