//! Text to one tree of values with places: parses every file, fills in `${…}`, and merges the files.

mod expand;
mod merge;
mod parse;

use std::collections::HashSet;
use std::path::PathBuf;

use toml::de::DeTable;

use crate::finding::Finding;
use crate::source::Sources;

pub use expand::Environment;
pub(crate) use expand::Filled;
pub(crate) use merge::NAMED;

/// The merged files of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Tree<'s> {
    pub(crate) root: DeTable<'s>,
    /// Where strings stand that `${…}` was filled into: such a string may stand for a number.
    pub(crate) filled: HashSet<usize>,
    /// Where strings stand that could not be filled: what is wrong with them has been said.
    pub(crate) unfilled: HashSet<usize>,
}

/// What was parsed of each file, with where the file starts; `None` for a file that is not TOML.
#[derive(Debug)]
pub(crate) struct Parsed<'s>(Vec<(usize, Option<DeTable<'s>>)>);

impl<'s> Parsed<'s> {
    /// Parses every file.
    pub(crate) fn new(sources: &'s Sources, findings: &mut Vec<Finding>) -> Self {
        let parse = |(file, base): (&'s crate::source::Source, usize)| (base, parse::parse(&file.text, base, findings));
        Self(sources.files.iter().zip(sources.starts()).map(parse).collect())
    }

    /// Whether every file was TOML. What the others define would be reported as missing.
    pub(crate) fn is_complete(&self) -> bool {
        self.0.iter().all(|(_, root)| root.is_some())
    }

    /// Fills in variables. The texts live outside of the tree that borrows them.
    pub(crate) fn fill(&self, sources: &Sources, environment: Environment<'_>, findings: &mut Vec<Finding>) -> Filled {
        let mut expand = expand::Expand::new(environment, sources, findings);
        for (base, root) in &self.0 {
            root.iter().for_each(|root| expand.table(root, *base));
        }
        expand.filled
    }

    /// One tree of all files.
    pub(crate) fn merge(self, filled: &'s Filled, findings: &mut Vec<Finding>) -> Tree<'s> {
        let mut merge = merge::Merge::new(filled);
        for (base, root) in self.0 {
            root.into_iter().for_each(|root| merge.add(root, base, findings));
        }
        Tree { root: merge.finish(), filled: filled.texts.keys().copied().collect(), unfilled: filled.failed.clone() }
    }
}

impl Filled {
    /// Secret files that were read, to be watched with the rest.
    pub(crate) fn secrets(&self) -> &[PathBuf] {
        &self.secrets
    }
}
