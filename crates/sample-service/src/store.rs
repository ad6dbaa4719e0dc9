//! The todos on disk, and whether the disk is still there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use redb::{Builder, Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use serde::{Deserialize, Serialize};

const TODOS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("todos");
const PROBE: TableDefinition<'_, &str, u64> = TableDefinition::new("probe");
const FILE: &str = "todos.redb";
/// redb would take a gibibyte; three instances share a laptop.
const CACHE_BYTES: usize = 8 * 1024 * 1024;
/// Most todos; a test that posts in a loop must not fill a disk.
pub(crate) const MOST_TODOS: u64 = 10_000;

/// What a client sends and sees of a todo, without its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Todo {
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) done: bool,
}

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the storage was taken away (POST {{\"available\": true}} to /api/v1/chaos/storage gives it back)")]
    TakenAway,
    #[error("the data file {} was removed or replaced", path.display())]
    FileGone { path: PathBuf },
    #[error("the store is full: it holds {MOST_TODOS} todos")]
    Full,
    #[error("the data folder {}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("the store")]
    Engine(#[source] redb::Error),
    #[error("a stored todo is damaged")]
    Damaged(#[source] serde_json::Error),
    #[error("the store gave back {got:?} where {want} was written")]
    Forgetful { want: u64, got: Option<u64> },
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        Self::Engine(error.into())
    }
}

/// A store that can be taken away and given back. All methods block on the disk.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    /// `None` while it is taken away.
    open: RwLock<Option<Arc<Open>>>,
}

#[derive(Debug)]
struct Open {
    database: Database,
    path: PathBuf,
    /// The file that was opened: another one of the same name is not ours.
    identity: Identity,
}

impl Store {
    pub(crate) fn open(folder: PathBuf) -> Result<Self, StoreError> {
        let open = Open::at(&folder)?;
        Ok(Self { folder, open: RwLock::new(Some(Arc::new(open))) })
    }

    /// Closes the store, or opens it again (afresh, if its file is gone).
    pub(crate) fn set_available(&self, available: bool) -> Result<(), StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // Closed first: the engine refuses to open a file twice.
        *open = None;
        if available {
            *open = Some(Arc::new(Open::at(&self.folder)?));
        }
        Ok(())
    }

    fn current(&self) -> Result<Arc<Open>, StoreError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::TakenAway)?;
        if Identity::of(&open.path).ok().as_ref() != Some(&open.identity) {
            return Err(StoreError::FileGone { path: open.path.clone() });
        }
        Ok(open)
    }

    /// Writes a number and reads it back: the storage answers, not just the process.
    pub(crate) fn probe(&self) -> Result<(), StoreError> {
        let open = self.current()?;
        let write = open.database.begin_write()?;
        let want = {
            let mut table = write.open_table(PROBE)?;
            let next = table.get("count")?.map_or(0, |count| count.value()).wrapping_add(1);
            table.insert("count", next)?;
            next
        };
        write.commit()?;
        let got = open.database.begin_read()?.open_table(PROBE)?.get("count")?.map(|count| count.value());
        // Another probe may have counted on in between.
        if got.is_some_and(|got| got >= want) { Ok(()) } else { Err(StoreError::Forgetful { want, got }) }
    }

    pub(crate) fn list(&self, limit: usize) -> Result<Vec<(u64, Todo)>, StoreError> {
        let table = self.current()?.database.begin_read()?.open_table(TODOS)?;
        table
            .iter()?
            .take(limit)
            .map(|entry| {
                let (id, bytes) = entry?;
                Ok((id.value(), decode(bytes.value())?))
            })
            .collect()
    }

    pub(crate) fn read(&self, id: u64) -> Result<Option<Todo>, StoreError> {
        let table = self.current()?.database.begin_read()?.open_table(TODOS)?;
        table.get(id)?.map(|bytes| decode(bytes.value())).transpose()
    }

    pub(crate) fn add(&self, todo: &Todo) -> Result<u64, StoreError> {
        let write = self.current()?.database.begin_write()?;
        let id = {
            let mut table = write.open_table(TODOS)?;
            if table.len()? >= MOST_TODOS {
                return Err(StoreError::Full);
            }
            let id = table.last()?.map_or(0, |(id, _)| id.value()).saturating_add(1);
            table.insert(id, encode(todo).as_slice())?;
            id
        };
        write.commit()?;
        Ok(id)
    }

    /// Replaces a todo; `false` when there is none of that number.
    pub(crate) fn replace(&self, id: u64, todo: &Todo) -> Result<bool, StoreError> {
        let write = self.current()?.database.begin_write()?;
        let known = {
            let mut table = write.open_table(TODOS)?;
            let known = table.get(id)?.is_some();
            if known {
                table.insert(id, encode(todo).as_slice())?;
            }
            known
        };
        write.commit()?;
        Ok(known)
    }

    /// Removes a todo; `false` when there is none of that number.
    pub(crate) fn remove(&self, id: u64) -> Result<bool, StoreError> {
        let write = self.current()?.database.begin_write()?;
        let known = write.open_table(TODOS)?.remove(id)?.is_some();
        write.commit()?;
        Ok(known)
    }
}

fn encode(todo: &Todo) -> Vec<u8> {
    // A string and a flag: cannot fail to serialize.
    serde_json::to_vec(todo).unwrap_or_default()
}

fn decode(bytes: &[u8]) -> Result<Todo, StoreError> {
    serde_json::from_slice(bytes).map_err(StoreError::Damaged)
}

impl Open {
    fn at(folder: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let path = folder.join(FILE);
        let database = Builder::new().set_cache_size(CACHE_BYTES).create(&path)?;
        let write = database.begin_write()?;
        write.open_table(TODOS)?;
        write.open_table(PROBE)?;
        write.commit()?;
        let identity = Identity::of(&path).map_err(failed)?;
        Ok(Self { database, path, identity })
    }
}

/// Which file it is, whatever its name.
#[derive(Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    #[cfg(unix)]
    fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).map(|file| Self(file.dev(), file.ino()))
    }

    #[cfg(not(unix))]
    fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|_| Self(0, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn todo(title: &str) -> Todo {
        Todo { title: title.to_owned(), done: false }
    }

    #[test]
    fn todos_live_through_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().to_owned()).unwrap();
        let id = store.add(&todo("milk")).unwrap();
        drop(store);
        let store = Store::open(folder.path().to_owned()).unwrap();
        assert_eq!(store.read(id).unwrap(), Some(todo("milk")));
    }

    #[test]
    fn todos_are_listed_replaced_and_removed_by_number() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().to_owned()).unwrap();
        let (one, two) = (store.add(&todo("one")).unwrap(), store.add(&todo("two")).unwrap());
        assert!(store.replace(two, &todo("2")).unwrap());
        assert!(store.remove(one).unwrap());
        assert!(!store.remove(one).unwrap() && !store.replace(one, &todo("x")).unwrap());
        assert_eq!(store.list(10).unwrap(), [(two, todo("2"))]);
    }

    #[test]
    fn a_removed_folder_fails_the_probe_until_the_store_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let store = Store::open(data.clone()).unwrap();
        store.probe().unwrap();
        fs::remove_dir_all(&data).unwrap();
        assert!(matches!(store.probe(), Err(StoreError::FileGone { .. })));
        assert!(matches!(store.list(1), Err(StoreError::FileGone { .. })));
        store.set_available(true).unwrap();
        store.probe().unwrap();
    }

    #[test]
    fn a_folder_that_is_moved_away_and_back_heals_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let (here, away) = (folder.path().join("here"), folder.path().join("away"));
        let store = Store::open(here.clone()).unwrap();
        fs::rename(&here, &away).unwrap();
        assert!(store.probe().is_err());
        fs::rename(&away, &here).unwrap();
        store.probe().unwrap();
    }

    #[test]
    fn a_store_that_was_taken_away_keeps_its_todos() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().to_owned()).unwrap();
        let id = store.add(&todo("keep")).unwrap();
        store.set_available(false).unwrap();
        assert!(matches!(store.read(id), Err(StoreError::TakenAway)));
        store.set_available(true).unwrap();
        assert_eq!(store.read(id).unwrap(), Some(todo("keep")));
    }
}
