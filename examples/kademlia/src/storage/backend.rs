use std::fmt;

use super::error::StorageError;
use super::record::{Change, Record};
use crate::Key;

/// A storage for the values of a node. The default is [`MemoryStorage`](crate::MemoryStorage).
///
/// The node decides which records to store and when they expire; a storage only reads and writes
/// them.
pub trait Storage: fmt::Debug + Send + Sync + 'static {
    /// Returns the record under a key. Called on the receive loop, so it must return quickly.
    ///
    /// # Errors
    ///
    /// Returns an error if the storage cannot be read.
    fn get(&self, key: &Key) -> Result<Option<Record>, StorageError>;

    /// Calls `visit` with every record, in any order. Called once, when the node starts.
    ///
    /// # Errors
    ///
    /// Returns an error if the storage cannot be read.
    fn scan(&self, visit: &mut dyn FnMut(Key, &Record)) -> Result<(), StorageError>;

    /// Makes changes in their order, either all or none. The changes must be durable when this
    /// returns, because the node acknowledges them then.
    ///
    /// # Errors
    ///
    /// Returns an error if the changes were not made.
    fn write(&self, changes: Vec<Change>) -> Result<(), StorageError>;

    /// Returns whether [`write`](Self::write) blocks, for example on a disk. The node then calls it
    /// on a blocking thread, with many changes at a time. Default: `false`.
    fn is_blocking(&self) -> bool {
        false
    }
}
