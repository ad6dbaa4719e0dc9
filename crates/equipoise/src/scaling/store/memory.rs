//! Remembers until the program ends: for embedding programs, and for `state = "none"`.

use std::collections::BTreeMap;

use super::{Change, Store, StoreError, Table};

/// Records in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory(BTreeMap<(Table, String), Vec<u8>>);

impl Store for Memory {
    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        for Change { table, key, value } in changes {
            match value {
                Some(value) => self.0.insert((*table, key.clone()), value.clone()),
                None => self.0.remove(&(*table, key.clone())),
            };
        }
        Ok(())
    }

    fn last(&self, table: Table, prefix: &str, limit: usize) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let from = self.0.range((table, prefix.to_owned())..);
        let ours = from.take_while(|((other, key), _)| *other == table && key.starts_with(prefix));
        let all: Vec<_> = ours.collect();
        Ok(all.into_iter().rev().take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }

    fn keys(&self, table: Table) -> Result<Vec<String>, StoreError> {
        Ok(self.0.keys().filter(|(other, _)| *other == table).map(|(_, key)| key.clone()).collect())
    }
}
