use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::backend::Storage;
use super::error::StorageError;
use super::record::{Change, Record};
use super::write_queue::{WriteJob, WriteQueue};
use crate::records::{RecordIndex, RecordMetadata};
use crate::stats::{Counter, Counters};
use crate::{Key, Subnet, Timestamp, Value};

/// The value under a key in a node's own storage.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StoredValue {
    Missing,
    /// The record was restored after a restart, and other nodes may have a newer value. It is not
    /// served, handed over or republished until a lookup has confirmed it.
    Restored,
    Confirmed(Value),
}

impl StoredValue {
    /// Returns the value if it may be given to others.
    pub(crate) fn confirmed(self) -> Option<Value> {
        match self {
            Self::Confirmed(value) => Some(value),
            Self::Missing | Self::Restored => None,
        }
    }
}

/// The records of a node: the index, which decides about them, and the storage with their values.
#[derive(Debug)]
pub(crate) struct RecordStore {
    index: Mutex<RecordIndex>,
    storage: Arc<dyn Storage>,
    counters: Arc<Counters>,
    /// The queue of a storage whose writes block.
    write_queue: Option<WriteQueue>,
}

impl RecordStore {
    /// Loads the records that the storage already has. `republish_at` gives the time at which each
    /// of them is republished.
    ///
    /// Expired records are removed. No record lives longer than one that is stored now, so an
    /// expiry time after `latest_expiry` becomes that.
    pub(crate) fn open(
        mut index: RecordIndex,
        storage: Arc<dyn Storage>,
        counters: Arc<Counters>,
        (now, latest_expiry): (Timestamp, Timestamp),
        mut republish_at: impl FnMut() -> Timestamp,
    ) -> Result<Self, StorageError> {
        let mut changes = Vec::new();
        storage.scan(&mut |key, record| {
            if record.expires_at <= now {
                counters.increment(Counter::Expired);
                return changes.push(Change::Remove(key));
            }
            let expires_at = record.expires_at.min(latest_expiry);
            let metadata = metadata(record, Some(republish_at()));
            let admission = index.admit(key, RecordMetadata { expires_at, is_restored: true, ..metadata });
            changes.extend(admission.evicted.into_iter().map(Change::Remove));
            if !admission.is_admitted {
                changes.push(Change::Remove(key));
            } else if expires_at != record.expires_at {
                changes.push(Change::Put(key, Record { expires_at, ..record.clone() }));
            }
        })?;
        storage.write(changes)?;
        let write_queue = storage.is_blocking().then(|| WriteQueue::start(Arc::clone(&storage)));
        Ok(Self { index: index.into(), storage, counters, write_queue })
    }

    pub(crate) fn get(&self, key: &Key, now: Timestamp) -> StoredValue {
        // Keys that are not in the index need no read. A record that is not written yet is missing.
        let metadata = self.index().metadata(key).copied();
        match metadata.filter(|metadata| now < metadata.expires_at) {
            None => StoredValue::Missing,
            Some(RecordMetadata { is_restored: true, .. }) => StoredValue::Restored,
            Some(_) => self.read(key).map_or(StoredValue::Missing, |record| StoredValue::Confirmed(record.value)),
        }
    }

    /// Ends the doubt about a restored record after a lookup of its key: the nodes closest to the
    /// key have returned a record, or have none. No effect if the record was stored again
    /// meanwhile.
    pub(crate) async fn confirm(&self, key: Key, found: Option<Record>, republish_at: Option<Timestamp>) {
        let restored = self.read(&key);
        {
            let mut index = self.index();
            if !index.metadata(&key).is_some_and(|metadata| metadata.is_restored) {
                return;
            }
            let is_same = |found: &Record| restored.as_ref().is_some_and(|restored| restored.value == found.value);
            if found.as_ref().is_none_or(is_same) {
                index.confirm(&key);
                self.counters.increment(Counter::Confirmed);
                return;
            }
        }
        if let Some(found) = found {
            self.counters.increment(Counter::Superseded);
            self.insert(key, found, republish_at).await;
        }
    }

    fn read(&self, key: &Key) -> Option<Record> {
        self.storage.get(key).unwrap_or_else(|_| {
            self.counters.increment(Counter::StorageFailed);
            None
        })
    }

    /// Stores a record if there is room. Returns whether it was written.
    pub(crate) async fn insert(&self, key: Key, record: Record, republish_at: Option<Timestamp>) -> bool {
        let is_written = match self.begin_insert(key, record, republish_at) {
            PendingWrite::Refused => return false,
            PendingWrite::Done(is_written) => is_written,
            PendingWrite::Queued(written) => written.await.unwrap_or(false),
        };
        if !is_written {
            self.counters.increment(Counter::StorageFailed);
            self.index().remove(&key);
        }
        is_written
    }

    fn begin_insert(&self, key: Key, record: Record, republish_at: Option<Timestamp>) -> PendingWrite {
        // Reserve the queue slot first, so that no record is evicted for one that is refused.
        let slot = match &self.write_queue {
            Some(write_queue) => match write_queue.jobs.try_reserve() {
                Ok(slot) => Some(slot),
                Err(_) => {
                    self.counters.increment(Counter::StorageFull);
                    return PendingWrite::Refused;
                }
            },
            None => None,
        };
        // Keep the lock until the write is queued, so that writes follow the order of admission.
        let mut index = self.index();
        let admission = index.admit(key, metadata(&record, republish_at));
        let mut changes: Vec<_> = admission.evicted.into_iter().map(Change::Remove).collect();
        if admission.is_admitted {
            changes.push(Change::Put(key, record));
        } else {
            self.counters.increment(Counter::StorageFull);
        }
        let pending = match slot {
            Some(slot) => {
                let (on_written, written) = oneshot::channel();
                slot.send(WriteJob { changes, on_written: Some(on_written) });
                PendingWrite::Queued(written)
            }
            None => PendingWrite::Done(self.storage.write(changes).is_ok()),
        };
        if admission.is_admitted { pending } else { PendingWrite::Refused }
    }

    /// Removes the expired records. Returns their number.
    pub(crate) fn expire(&self, now: Timestamp) -> usize {
        let mut index = self.index();
        let expired = index.expire(now);
        let count = expired.len();
        let changes: Vec<_> = expired.into_iter().map(Change::Remove).collect();
        // If the removal fails, the records expire again after the next start.
        match &self.write_queue {
            _ if changes.is_empty() => {}
            Some(write_queue) => drop(write_queue.jobs.try_send(WriteJob { changes, on_written: None })),
            None => drop(self.storage.write(changes)),
        }
        count
    }

    pub(crate) fn index(&self) -> MutexGuard<'_, RecordIndex> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn metadata(record: &Record, republish_at: Option<Timestamp>) -> RecordMetadata {
    let origin = record.origin.map(Subnet::of);
    RecordMetadata {
        len: record.value.encoded_len(),
        origin,
        expires_at: record.expires_at,
        republish_at,
        is_restored: false,
    }
}

/// The state of an insertion.
enum PendingWrite {
    Refused,
    /// Whether the record was written.
    Done(bool),
    Queued(oneshot::Receiver<bool>),
}
