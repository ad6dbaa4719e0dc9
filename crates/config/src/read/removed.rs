//! What was taken out of the tree, so that its absence is nobody's mistake.

use std::collections::{HashMap, HashSet};

use toml::de::DeTable;

use crate::locate::node;
use crate::path::{KeyPath, Step};

/// What was taken out.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    /// Keys, each with where its table starts: positions in lists shift when something is taken out, places do not.
    pub(super) keys: HashSet<(usize, String)>,
    /// Places of lists and tables that lost something.
    pub(super) losers: HashSet<usize>,
    /// Named tables that could not be read at all.
    lost: HashSet<KeyPath>,
    /// Positions that were taken out of lists, by the place of the list, sorted.
    pub(super) gaps: HashMap<usize, Vec<usize>>,
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
pub(super) fn before_gaps(index: usize, gaps: &[usize]) -> usize {
    gaps.iter().fold(index, |index, gap| if *gap <= index { index + 1 } else { index })
}
