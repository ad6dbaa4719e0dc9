//! [`Document`] to [`Config`]: resolves names, fills in defaults, holds values against their ranges, and says everything
//! that is wrong at once.

mod about_requests;
mod across;
mod count;
mod layer4;
mod listener;
mod plugin;
mod range;
mod reference;
mod resilience;
mod scaling;
mod socket;
mod target;
mod target_group;
mod tls;
mod way;
mod whole;

use std::path::{Path, PathBuf};

use crate::code::Code;
use crate::config::Config;
use crate::document::Document;
use crate::finding::{At, Finding};
use crate::load::Native;
use crate::path::KeyPath;
use crate::report::Severity;

/// What is known about where a document came from.
pub(crate) trait Origin {
    /// The folder that relative paths under this key start from.
    fn base(&self, path: &KeyPath) -> PathBuf;
    /// Whether the key is there. In a document that was built in code, every key is.
    fn contains(&self, _: &KeyPath) -> bool {
        true
    }
    /// Whether somebody wrote the key. In a document that was built in code, nobody can tell.
    fn is_written(&self, _: &KeyPath) -> bool {
        false
    }
    /// Whether something was at this key but could not be read: its absence has been explained.
    fn excused(&self, _: &KeyPath) -> bool {
        false
    }
    /// Whether something was taken out of the table or list at this key, or out of a list in it: what the rest has to fit
    /// may be missing.
    fn is_maimed(&self, _: &KeyPath) -> bool {
        false
    }
    /// Whether a section has something of that name that could not be read.
    fn is_unread(&self, _section: &str, _name: &str) -> bool {
        false
    }
    /// Whether anything could not be read.
    fn is_partial(&self) -> bool {
        false
    }
}

/// A document that was built in code.
pub(crate) struct Built<'a>(pub(crate) &'a Path);

impl Origin for Built<'_> {
    fn base(&self, _: &KeyPath) -> PathBuf {
        self.0.to_owned()
    }
}

/// Checks a document. The configuration is there when no finding is an error.
pub(crate) fn check(document: &Document, natives: &[Native], origin: &dyn Origin) -> (Option<Config>, Vec<Finding>) {
    let mut checker = Checker { document, natives, origin, findings: Vec::new() };
    let config = checker.config();
    let findings = checker.findings;
    let sound = !origin.is_partial() && findings.iter().all(|finding| finding.severity == Severity::Warning);
    (sound.then_some(config).flatten(), findings)
}

struct Checker<'c> {
    document: &'c Document,
    natives: &'c [Native],
    origin: &'c dyn Origin,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    /// The configuration, when every part could be made.
    fn config(&mut self) -> Option<Config> {
        let document = self.document;
        if !self.counts_are_small() {
            return None;
        }
        let admin = self.admin();
        let access_log = self.access_log();
        self.program();
        self.shed();
        let groups = document.target_group.iter();
        let target_groups: Vec<_> = groups.map(|(name, group)| self.target_group(name, group)).collect();
        let plugins: Vec<_> = document.plugin.iter().map(|(name, plugin)| self.plugin(name, plugin)).collect();
        let listeners: Vec<_> = document.listener.iter().map(|(name, written)| self.listener(name, written)).collect();
        let scaling = self.scaling();
        let scaling_groups = self.scaling_groups();
        let alarms = self.alarms();
        self.binds();
        self.circles();
        self.unused();
        Some(Config {
            admin,
            access_log,
            workers: document.workers,
            drain_timeout: document.drain_timeout,
            shed: document.shed,
            listeners: listeners.into_iter().collect::<Option<_>>()?,
            target_groups: target_groups.into_iter().collect::<Option<_>>()?,
            plugins: plugins.into_iter().collect::<Option<_>>()?,
            scaling,
            scaling_groups,
            alarms,
        })
    }

    /// Notes a finding.
    fn say(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Notes that a table lacks a key, unless the key was there and could not be read.
    fn missing(&mut self, table: &KeyPath, key: &str, message: String, help: &str) {
        if !self.origin.excused(&table.key(key)) {
            self.say(Finding::error(Code::MissingKey, At::Key(table.clone()), message).help(help));
        }
    }

    /// A path as it is meant: relative to the file that says it.
    fn resolve(&self, path: &Path, key: &KeyPath) -> PathBuf {
        let joined = self.origin.base(key).join(path);
        // Without a current folder, which is all that can fail here, a path stays as it is.
        std::path::absolute(&joined).unwrap_or(joined)
    }
}
