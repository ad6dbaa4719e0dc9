//! Remembers in a file that survives whatever ends the program.

use std::io;
use std::path::{Path, PathBuf};

use redb::{Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition};

use super::{Change, Store, StoreError, Table};

/// Whatever was read lately; what is kept here is written far more often than read.
const CACHE_BYTES: usize = 4 << 20;

/// A redb file.
#[derive(Debug)]
pub(crate) struct File {
    database: Database,
}

impl File {
    /// Opens the file, or begins one. A broken one is moved aside, with a warning. Blocks.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |source: io::Error| StoreError::Open { path: path.to_owned(), source: source.into() };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        match create(path) {
            Ok(database) => Ok(Self { database }),
            Err(DatabaseError::DatabaseAlreadyOpen) => Err(StoreError::InUse { path: path.to_owned() }),
            Err(error) if is_broken(&error) => Self::begin_anew(path, &error),
            Err(error) => Err(StoreError::Open { path: path.to_owned(), source: error.into() }),
        }
    }

    fn begin_anew(path: &Path, error: &DatabaseError) -> Result<Self, StoreError> {
        let aside = free_name(path);
        tracing::warn!(
            %error,
            "{} is broken and is now called {}: what was remembered of scaling groups is lost, what runs is not",
            path.display(),
            aside.display()
        );
        std::fs::rename(path, aside).map_err(|source| StoreError::MoveAside { path: path.to_owned(), source })?;
        let failed = |source: DatabaseError| StoreError::Open { path: path.to_owned(), source: source.into() };
        Ok(Self { database: create(path).map_err(failed)? })
    }
}

fn create(path: &Path) -> Result<Database, DatabaseError> {
    // Without the integrity check, the engine believes a file that says it was closed in order, and may panic.
    let mut builder = Builder::new();
    let database = builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true).create(path)?;
    private(path)?;
    Ok(database)
}

/// Launch templates may hold what not everybody is to read.
#[cfg(unix)]
fn private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn private(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether the file is to blame, rather than who opens it or what holds it.
fn is_broken(error: &DatabaseError) -> bool {
    match error {
        DatabaseError::UpgradeRequired(_) | DatabaseError::RepairAborted => true,
        DatabaseError::Storage(StorageError::Corrupted(_)) => true,
        // What is no such file at all is told as invalid data.
        DatabaseError::Storage(StorageError::Io(error)) => {
            matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
        }
        _ => false,
    }
}

/// The first name after this one that nothing has.
fn free_name(path: &Path) -> PathBuf {
    let named = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".broken-{number}"));
        PathBuf::from(name)
    };
    (1..u32::MAX).map(named).find(|name| !name.exists()).unwrap_or_else(|| named(0))
}

fn definition(table: Table) -> TableDefinition<'static, &'static str, &'static [u8]> {
    TableDefinition::new(table.name())
}

fn failed<E: Into<redb::Error>>(attempt: &'static str) -> impl Fn(E) -> StoreError {
    move |error| StoreError::Engine { attempt, source: Box::new(error.into()) }
}

impl Store for File {
    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        const ATTEMPT: &str = "writing down what scaling groups do";
        let transaction = self.database.begin_write().map_err(failed(ATTEMPT))?;
        for table in Table::ALL {
            // Opened also when nothing changes in it, so that it is there to be read.
            let mut open = transaction.open_table(definition(table)).map_err(failed(ATTEMPT))?;
            for Change { key, value, .. } in changes.iter().filter(|change| change.table == table) {
                match value {
                    Some(value) => drop(open.insert(key.as_str(), value.as_slice()).map_err(failed(ATTEMPT))?),
                    None => drop(open.remove(key.as_str()).map_err(failed(ATTEMPT))?),
                }
            }
        }
        transaction.commit().map_err(failed(ATTEMPT))
    }

    fn last(&self, table: Table, prefix: &str, limit: usize) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        const ATTEMPT: &str = "reading what scaling groups did";
        let transaction = self.database.begin_read().map_err(failed(ATTEMPT))?;
        let open = transaction.open_table(definition(table)).map_err(failed(ATTEMPT))?;
        // Keys are ASCII, so this is beyond all that begin with the prefix.
        let end = format!("{prefix}\u{10ffff}");
        let range = open.range(prefix..end.as_str()).map_err(failed(ATTEMPT))?;
        let read = |entry: Result<(redb::AccessGuard<'_, &str>, redb::AccessGuard<'_, &[u8]>), StorageError>| {
            let (key, value) = entry.map_err(failed(ATTEMPT))?;
            Ok((key.value().to_owned(), value.value().to_vec()))
        };
        range.rev().take(limit).map(read).collect()
    }

    fn keys(&self, table: Table) -> Result<Vec<String>, StoreError> {
        const ATTEMPT: &str = "reading what scaling groups did";
        let transaction = self.database.begin_read().map_err(failed(ATTEMPT))?;
        let open = transaction.open_table(definition(table)).map_err(failed(ATTEMPT))?;
        let entries = open.iter().map_err(failed(ATTEMPT))?;
        entries.map(|entry| Ok(entry.map_err(failed(ATTEMPT))?.0.value().to_owned())).collect()
    }
}
