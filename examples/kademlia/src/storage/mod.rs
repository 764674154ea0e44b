mod memory;
pub(crate) mod record_store;
#[cfg(feature = "redb")]
mod redb;

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;

pub use memory::MemoryStorage;

#[cfg(feature = "redb")]
pub use self::redb::RedbStorage;
use crate::{Key, Timestamp, Value};

/// Where a node keeps values: [`MemoryStorage`] unless it is given another.
///
/// What is kept, for whom and for how long is decided elsewhere; a storage keeps what it is told to.
pub trait Storage: fmt::Debug + Send + Sync + 'static {
    /// The value under a key, with all that was kept with it. Called on the receive loop: it must not take long.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    fn find(&self, key: &Key) -> Result<Option<Record>, StorageError>;

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

    /// Whether writing waits for a disk. It is done in a thread that may block then, many changes at a time. Default:
    /// no.
    fn is_slow(&self) -> bool {
        false
    }
}

/// A value and what is kept with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The value.
    pub value: Value,
    /// Who stored it; none for what this node's own user has set.
    pub origin: Option<SocketAddr>,
    /// When it is to be forgotten.
    pub expires: Timestamp,
}

/// A change of a storage.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Keep this under the key, instead of what is there.
    Put(Key, Record),
    /// Keep nothing under the key.
    Remove(Key),
}

/// A storage has failed.
#[derive(Debug)]
pub struct StorageError {
    doing: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl StorageError {
    /// `doing` says what has failed: "writing values".
    #[must_use]
    pub fn new(doing: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { doing, source: source.into() }
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.doing, self.source)
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
