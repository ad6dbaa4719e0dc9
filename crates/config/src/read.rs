//! Tree to [`Document`], with every mistake of every section and not only the first.
//!
//! A serde deserializer stops at its first error. So each named table is read by itself, and when reading it fails, the
//! key or value that failed is said, taken out of the tree, and the table is read again without it. What then seems to
//! be missing is not complained about when it was there and was taken out.

mod explain;
mod removed;
mod repair;
mod retype;
mod shape;
mod trouble;
mod words;

use equipoise_target::NameError;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::code::Code;
use crate::document::Document;
use crate::finding::{At, Finding};
use crate::limits::{MAX_ALARMS, MAX_LISTENERS, MAX_PLUGINS, MAX_PROBLEMS, MAX_SCALING_GROUPS, MAX_TARGET_GROUPS};
use crate::path::KeyPath;
use crate::tree::{NAMED, Tree};

pub(crate) use removed::Removed;

/// Reads the tree as far as it can be read. What could not is taken out of the tree, said in `findings` and noted in the
/// result.
pub(crate) fn read(tree: &mut Tree<'_>, findings: &mut Vec<Finding>) -> (Document, Removed) {
    let mut reader = Reader { tree, findings, removed: Removed::default() };
    reader.refuse_lists();
    let mut document: Document = reader.section(&KeyPath::root(), |root| Some(rest(root))).unwrap_or_default();
    document.listener = reader.named("listener", MAX_LISTENERS).collect();
    document.target_group = reader.named("target-group", MAX_TARGET_GROUPS).collect();
    document.plugin = reader.named("plugin", MAX_PLUGINS).collect();
    document.scaling_group = reader.named("scaling-group", MAX_SCALING_GROUPS).collect();
    document.alarm = reader.named("alarm", MAX_ALARMS).collect();
    (document, reader.removed)
}

/// Everything but the sections whose tables have names.
fn rest<'s>(root: &DeTable<'s>) -> Spanned<DeValue<'s>> {
    let rest = root.iter().filter(|(key, _)| !NAMED.contains(&key.get_ref().as_ref()));
    let rest: DeTable<'s> = rest.map(|(key, value)| (key.clone(), value.clone())).collect();
    Spanned::new(0..0, DeValue::Table(rest))
}

struct Reader<'t, 's> {
    tree: &'t mut Tree<'s>,
    findings: &'t mut Vec<Finding>,
    removed: Removed,
}

impl<'s> Reader<'_, 's> {
    /// Says every list that stands where a table belongs, and takes it out.
    fn refuse_lists(&mut self) {
        let lists = shape::lists_for_tables(&self.tree.root);
        for path in lists {
            repair::refuse_list(self.tree, &mut self.removed, &path, self.findings);
        }
    }

    /// Every table of a section whose tables have names.
    fn named<N, T>(&mut self, section: &str, most: usize) -> std::vec::IntoIter<(N, T)>
    where
        N: TryFrom<String, Error = NameError>,
        T: DeserializeOwned,
    {
        let path = KeyPath::root().key(section);
        let mut read = Vec::new();
        for name in self.names(section, most) {
            let path = path.key(&name);
            match N::try_from(name.clone()) {
                Ok(key) => read.extend(self.table(&path, section, &name).map(|table| (key, table))),
                Err(error) => {
                    self.findings.push(Finding::error(Code::InvalidName, At::Key(path.clone()), error.to_string()));
                    self.removed.lose(path);
                }
            }
        }
        read.into_iter()
    }

    /// The names in a section; none, with a finding, when it is no table or far too large a one.
    fn names(&mut self, section: &str, most: usize) -> Vec<String> {
        let path = KeyPath::root().key(section);
        let finding = match self.tree.root.get(section).map(Spanned::get_ref) {
            None => return Vec::new(),
            Some(DeValue::Table(table)) if table.len() <= most => {
                return table.keys().map(|key| key.get_ref().to_string()).collect();
            }
            Some(DeValue::Table(table)) => {
                let message = format!("{} times `[{section}.…]`; at most {most} are accepted", table.len());
                Finding::error(Code::TooMuch, At::Key(path.clone()), message)
            }
            Some(_) => {
                let message = format!("`{section}` holds tables, each with a name");
                let finding = Finding::error(Code::WrongType, At::Value(path.clone()), message);
                finding.help(format!("write `[{section}.NAME]`"))
            }
        };
        self.findings.push(finding);
        self.removed.lose(path);
        Vec::new()
    }

    fn table<T: DeserializeOwned>(&mut self, path: &KeyPath, section: &str, name: &str) -> Option<T> {
        let read = self.section(path, |root| root.get(section)?.get_ref().get(name).cloned());
        if read.is_none() {
            self.removed.lose(path.clone());
        }
        read
    }

    /// Reads what `node` picks from the tree, again and again, each time without what failed.
    fn section<T: DeserializeOwned>(
        &mut self,
        path: &KeyPath,
        node: impl Fn(&DeTable<'s>) -> Option<Spanned<DeValue<'s>>>,
    ) -> Option<T> {
        while self.findings.len() < MAX_PROBLEMS {
            let error = match T::deserialize(ValueDeserializer::from(node(&self.tree.root)?)) {
                Ok(read) => return Some(read),
                Err(error) => error,
            };
            repair::repair(self.tree, &mut self.removed, path, &error, self.findings)?;
        }
        None
    }
}
