//! Where scaling groups are remembered: records by table and key, each a JSON value with a version.

mod file;
mod memory;

use std::io;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(crate) use file::File;
pub(crate) use memory::Memory;

/// Of what a record tells. What the next version of the program keeps differently gets another number in its values, not
/// another table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Table {
    /// About the file itself.
    Meta,
    /// A scaling group's state, by its name.
    Groups,
    /// An activity, by group and number.
    Activities,
    /// A change of an alarm's state, by alarm and time.
    Transitions,
    /// What was measured, by whose.
    Series,
}

impl Table {
    pub(crate) const ALL: [Self; 5] = [Self::Meta, Self::Groups, Self::Activities, Self::Transitions, Self::Series];

    fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Groups => "groups",
            Self::Activities => "activities",
            Self::Transitions => "transitions",
            Self::Series => "series",
        }
    }
}

/// A record that is put, or taken away when it has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) table: Table,
    pub(crate) key: String,
    pub(crate) value: Option<Vec<u8>>,
}

/// Remembers records. Blocks; only its keeper's thread calls it.
pub(crate) trait Store: Send {
    /// All changes or none.
    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError>;

    /// The last `limit` records of which the key begins with `prefix`, the last one first.
    fn last(&self, table: Table, prefix: &str, limit: usize) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Every key of a table, in order.
    fn keys(&self, table: Table) -> Result<Vec<String>, StoreError>;
}

/// Why something could not be remembered or looked up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// Another program has the file.
    #[error("{} is in use by another program: give each its own file by `[scaling] state`", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened, and is not broken either.
    #[error("opening {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system or the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A broken file could not be moved out of the way.
    #[error("{} is broken, and cannot be renamed", path.display())]
    MoveAside {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Reading or writing failed.
    #[error("{attempt}")]
    Engine {
        /// What was attempted.
        attempt: &'static str,
        /// What the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no thread that could write.
    #[error("starting the thread that writes")]
    Thread(#[from] io::Error),
    /// The program ends, and nobody answers any more.
    #[error("the file is closed")]
    Closed,
}

/// A value with the version of how it is written.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    data: T,
}

/// The present version of every value.
const VERSION: u32 = 1;

/// As it is kept.
pub(crate) fn encode<T: Serialize>(data: &T) -> Vec<u8> {
    // What is kept has names for keys and no failing parts, so this does not fail; an empty value is read as damaged.
    serde_json::to_vec(&Versioned { v: VERSION, data }).unwrap_or_default()
}

/// As it was kept; `None`, and a word in the log, when another version of the program wrote it or it is damaged.
pub(crate) fn decode<T: DeserializeOwned>(table: Table, key: &str, value: &[u8]) -> Option<T> {
    match serde_json::from_slice::<Versioned<T>>(value) {
        Ok(Versioned { v: VERSION, data }) => Some(data),
        Ok(Versioned { v, .. }) => {
            tracing::warn!(table = table.name(), key, version = v, "a record of another version is passed over");
            None
        }
        Err(error) => {
            tracing::warn!(table = table.name(), key, %error, "a record cannot be read and is passed over");
            None
        }
    }
}

#[cfg(test)]
mod tests;
