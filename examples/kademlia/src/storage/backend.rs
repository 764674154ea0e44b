use std::fmt;

use super::error::StorageError;
use super::record::{Change, Record};
use crate::Key;

/// Where a node keeps values: [`MemoryStorage`] unless it is given another.
///
/// What is kept, for whom and for how long is decided elsewhere; a storage keeps what it is told to.
pub trait Storage: fmt::Debug + Send + Sync + 'static {
    /// The value under a key, with all that was kept with it. Called on the receive loop: it must not take long.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    fn get(&self, key: &Key) -> Result<Option<Record>, StorageError>;

    /// Shows every value, in any order: what a node begins with that was there before.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    fn scan(&self, visit: &mut dyn FnMut(Key, &Record)) -> Result<(), StorageError>;

    /// Makes these changes, in their order: all or none. They are safe once this returns, and acknowledged then.
    ///
    /// # Errors
    ///
    /// Where they were not made.
    fn write(&self, changes: Vec<Change>) -> Result<(), StorageError>;

    /// Whether writing waits for a disk. It is on_written in a thread that may block then, many changes at a time. Default:
    /// no.
    fn is_blocking(&self) -> bool {
        false
    }
}
