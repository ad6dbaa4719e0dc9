//! What differs between two configurations, for the log of a reload and for people.

mod secret;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use toml::{Table, Value};

use crate::config::{Config, Plugin};
use crate::document::Document;
use crate::document::address::parse_place;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is about: `listener web`, `target group todo`, `plugin geo`, or `configuration`.
    pub subject: String,
    /// Which part of the subject, such as `target 10.0.0.1:80` or `timeouts.head`; empty for the subject as a whole.
    pub part: String,
    /// What happened to it.
    pub action: Action,
}

/// What happened to something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has another value. Values that may be secret are not shown.
    Changed {
        /// The value before, as TOML.
        before: Option<String>,
        /// The value now, as TOML.
        after: Option<String>,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)?;
        if !self.part.is_empty() {
            write!(f, ": {}", self.part)?;
        }
        match &self.action {
            Action::Added => f.write_str(" added"),
            Action::Removed => f.write_str(" removed"),
            Action::Changed { before: Some(before), after: Some(after) } => {
                write!(f, " changed from {before} to {after}")
            }
            Action::Changed { before: None, after: Some(after) } => write!(f, " set to {after}"),
            Action::Changed { before: Some(before), after: None } => write!(f, " {before} taken back"),
            Action::Changed { before: None, after: None } => f.write_str(" changed"),
        }
    }
}

/// Everything that differs, in the order of subjects and names. Empty when the configurations are equal.
#[must_use]
pub fn diff(before: &Config, after: &Config) -> Vec<Change> {
    let mut changes = Vec::new();
    let (old, new) = (Document::from(before), Document::from(after));
    whole(&old, &new, &mut changes);
    named("listener", &old.listener, &new.listener, &mut changes);
    named("target group", &old.target_group, &new.target_group, &mut changes);
    plugins(&before.plugins, &after.plugins, &mut changes);
    named("scaling group", &old.scaling_group, &new.scaling_group, &mut changes);
    named("alarm", &old.alarm, &new.alarm, &mut changes);
    changes
}

fn whole(old: &Document, new: &Document, changes: &mut Vec<Change>) {
    let alone = |document: &Document| Document {
        listener: BTreeMap::new(),
        target_group: BTreeMap::new(),
        plugin: BTreeMap::new(),
        scaling_group: BTreeMap::new(),
        alarm: BTreeMap::new(),
        ..document.clone()
    };
    tables("configuration", "", &table(&alone(old)), &table(&alone(new)), changes);
}

fn named<N: Ord + fmt::Display, T: Serialize + PartialEq>(
    kind: &str,
    old: &BTreeMap<N, T>,
    new: &BTreeMap<N, T>,
    changes: &mut Vec<Change>,
) {
    let mut names: Vec<_> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let subject = format!("{kind} {name}");
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) if old != new => tables(&subject, "", &table(old), &table(new), changes),
            (Some(_), None) => changes.push(Change { subject, part: String::new(), action: Action::Removed }),
            (None, Some(_)) => changes.push(Change { subject, part: String::new(), action: Action::Added }),
            _ => {}
        }
    }
}

/// Plugins, whose own configuration may hold secrets.
fn plugins(old: &[Plugin], new: &[Plugin], changes: &mut Vec<Change>) {
    let bare = |plugins: &[Plugin]| -> BTreeMap<_, _> {
        let bare = |plugin: &Plugin| crate::document::Plugin { config: Table::new(), ..plugin.into() };
        plugins.iter().map(|plugin| (plugin.name.clone(), bare(plugin))).collect()
    };
    named("plugin", &bare(old), &bare(new), changes);
    for plugin in new {
        if old.iter().any(|before| before.name == plugin.name && before.config != plugin.config) {
            let subject = format!("plugin {}", plugin.name);
            let action = Action::Changed { before: None, after: None };
            changes.push(Change { subject, part: "config".to_owned(), action });
        }
    }
}

fn table<T: Serialize>(value: &T) -> Table {
    // What cannot be written as TOML is not in a checked configuration.
    crate::effective::table(value).unwrap_or_default()
}

/// Differences of two tables, key by key.
fn tables(subject: &str, part: &str, old: &Table, new: &Table, changes: &mut Vec<Change>) {
    let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let part = if part.is_empty() { key.clone() } else { format!("{part}.{key}") };
        values(subject, part, old.get(key), new.get(key), changes);
    }
}

fn values(subject: &str, part: String, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<Change>) {
    match (old, new) {
        (old, new) if old == new => {}
        (old, new) if OF_NAMES.contains(&part.as_str()) => {
            named(&format!("{subject}: {part}"), &tables_of(old), &tables_of(new), changes);
        }
        (Some(Value::Table(old)), Some(Value::Table(new))) => tables(subject, &part, old, new, changes),
        (old, new) => match entries(&part, old).zip(entries(&part, new)) {
            Some((old, new)) => named(&format!("{subject}: {}", singular(&part)), &old, &new, changes),
            None => {
                let told = |value: &Value| shown(&secret::hidden(&part, value));
                let (before, after) = (old.map(told), new.map(told));
                // What differs in secrets only.
                let (before, after) = if before == after { (None, None) } else { (before, after) };
                changes.push(Change { subject: subject.to_owned(), part, action: Action::Changed { before, after } });
            }
        },
    }
}

/// Tables of a scaling group whose keys are names.
const OF_NAMES: [&str; 2] = ["hook", "policy"];

fn tables_of(value: Option<&Value>) -> BTreeMap<String, Value> {
    let table = value.and_then(Value::as_table).into_iter().flatten();
    table.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What tells the entries of a list apart. Numbers are in the order of numbers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Priority(i64),
    Address(String),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Priority(priority) => priority.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// The entries of a list by what tells them apart, for the lists that have such a thing.
fn entries(part: &str, list: Option<&Value>) -> Option<BTreeMap<Identity, Value>> {
    let identity = match part {
        "targets" => target_address,
        "rule" => rule_priority,
        _ => return None,
    };
    let list = list.map_or(Some(&[][..]), |list| list.as_array().map(Vec::as_slice))?;
    list.iter().map(|entry| Some((identity(entry)?, entry.clone()))).collect()
}

fn target_address(target: &Value) -> Option<Identity> {
    let (host, _) = parse_place(target.get("address")?.as_str()?).ok()?;
    let port = target.get("port").and_then(Value::as_integer).and_then(|port| u16::try_from(port).ok());
    Some(Identity::Address(host.endpoint(Some(port.unwrap_or_default()))?.to_string()))
}

fn rule_priority(rule: &Value) -> Option<Identity> {
    rule.get("priority")?.as_integer().map(Identity::Priority)
}

fn singular(part: &str) -> &str {
    part.strip_suffix('s').unwrap_or(part)
}

/// A value as short TOML.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
