//! Several files to one tree.
//!
//! Files of a folder share the sections whose tables have names of the user's choice: one file may define
//! `listener.web` and another `listener.api`. Anything else, and each named table, belongs to one file: half a listener
//! here and half there is a riddle for whoever reads it next.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::code::Code;
use crate::finding::{At, Finding};
use crate::path::KeyPath;
use crate::tree::expand::{Filled, shift};

/// The sections whose tables have names.
pub(crate) const NAMED: [&str; 5] = ["alarm", "listener", "plugin", "scaling-group", "target-group"];

pub(super) struct Merge<'s> {
    root: DeTable<'s>,
    filled: &'s Filled,
}

impl<'s> Merge<'s> {
    pub(super) fn new(filled: &'s Filled) -> Self {
        Self { root: DeTable::new(), filled }
    }

    /// Adds a file that starts at `base`.
    pub(super) fn add(&mut self, file: DeTable<'s>, base: usize, findings: &mut Vec<Finding>) {
        for (key, value) in self.table(file, base) {
            let path = KeyPath::root().key(key.get_ref());
            let named = NAMED.contains(&key.get_ref().as_ref());
            match (self.root.get_mut(key.get_ref().as_ref()).map(Spanned::get_mut), value) {
                (Some(DeValue::Table(all)), value) if named && value.get_ref().is_table() => {
                    if let DeValue::Table(more) = value.into_inner() {
                        add_named(&path, all, more, findings);
                    }
                }
                (Some(_), _) => findings.push(twice(&self.root, &key, path)),
                (None, value) => drop(self.root.insert(key, value)),
            }
        }
    }

    /// Moves a table into the common space of places, with the texts that were filled in.
    fn table(&self, table: DeTable<'s>, base: usize) -> DeTable<'s> {
        let entry = |(key, value): (Spanned<_>, _)| {
            let span = shift(key.span(), base);
            (Spanned::new(span, key.into_inner()), self.value(value, base))
        };
        table.into_iter().map(entry).collect()
    }

    fn value(&self, value: Spanned<DeValue<'s>>, base: usize) -> Spanned<DeValue<'s>> {
        let span = shift(value.span(), base);
        let value = match value.into_inner() {
            DeValue::Table(table) => DeValue::Table(self.table(table, base)),
            DeValue::Array(array) => DeValue::Array(array.into_iter().map(|value| self.value(value, base)).collect()),
            DeValue::String(text) => match self.filled.texts.get(&span.start) {
                Some(filled) => DeValue::String(Cow::Borrowed(filled)),
                None => DeValue::String(text),
            },
            other => other,
        };
        Spanned::new(span, value)
    }

    pub(super) fn finish(self) -> DeTable<'s> {
        self.root
    }
}

fn add_named<'s>(path: &KeyPath, all: &mut DeTable<'s>, more: DeTable<'s>, findings: &mut Vec<Finding>) {
    for (name, value) in more {
        if all.contains_key(name.get_ref().as_ref()) {
            findings.push(twice(all, &name, path.key(name.get_ref())));
        } else {
            all.insert(name, value);
        }
    }
}

fn twice(all: &DeTable<'_>, key: &Spanned<DeString<'_>>, path: KeyPath) -> Finding {
    let message = format!("`{path}` is defined in two files");
    let finding = Finding::error(Code::DefinedTwice, At::Span(key.span(), path), message)
        .label("defined again here")
        .help("write the whole of it in one file");
    match all.get_key_value(key.get_ref().as_ref()) {
        Some((first, _)) => finding.related(At::Span(first.span(), KeyPath::root()), "first defined here"),
        None => finding,
    }
}
