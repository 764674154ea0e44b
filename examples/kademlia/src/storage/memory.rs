use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::backend::Storage;
use super::error::StorageError;
use super::record::{Change, Record};
use crate::Key;

/// A storage in memory. Its values are lost when the node ends.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    records: RwLock<HashMap<Key, Record>>,
}

impl Storage for MemoryStorage {
    fn get(&self, key: &Key) -> Result<Option<Record>, StorageError> {
        Ok(self.records.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn scan(&self, visit: &mut dyn FnMut(Key, &Record)) -> Result<(), StorageError> {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        records.iter().for_each(|(key, record)| visit(*key, record));
        Ok(())
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), StorageError> {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            match change {
                Change::Put(key, record) => drop(records.insert(key, record)),
                Change::Remove(key) => drop(records.remove(&key)),
            }
        }
        Ok(())
    }
}
