mod backend;
mod error;
mod memory;
mod record;
mod record_store;
#[cfg(feature = "redb")]
mod redb;
mod write_queue;

pub use backend::Storage;
pub use error::StorageError;
pub use memory::MemoryStorage;
pub use record::{Change, Record};
pub(crate) use record_store::{RecordStore, StoredValue};

#[cfg(feature = "redb")]
pub use self::redb::RedbStorage;
