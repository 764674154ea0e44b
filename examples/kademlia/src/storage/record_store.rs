use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::backend::Storage;
use super::error::StorageError;
use super::record::{Change, Record};
use super::write_queue::{WriteJob, WriteQueue};
use crate::records::{RecordIndex, RecordMetadata};
use crate::stats::{Counter, Counters};
use crate::{Key, Subnet, Timestamp, Value};

/// The values of a node: the records, which say what is kept, and the storage, which keeps it.
#[derive(Debug)]
pub(crate) struct RecordStore {
    records: Mutex<RecordIndex>,
    storage: Arc<dyn Storage>,
    counters: Arc<Counters>,
    /// Where the storage is slow.
    write_queue: Option<WriteQueue>,
}

impl RecordStore {
    /// Takes over what the storage has from before. It is republished some time within `republish`.
    pub(crate) fn open(
        mut records: RecordIndex,
        storage: Arc<dyn Storage>,
        counters: Arc<Counters>,
        mut republish: impl FnMut() -> Timestamp,
    ) -> Result<Self, StorageError> {
        let mut too_many = Vec::new();
        storage.scan(&mut |key, record| {
            let admission = records.admit(key, metadata(record, Some(republish())));
            too_many.extend(admission.evicted.into_iter().chain((!admission.is_admitted).then_some(key)));
        })?;
        storage.write(too_many.into_iter().map(Change::Remove).collect())?;
        let write_queue = storage.is_blocking().then(|| WriteQueue::start(Arc::clone(&storage)));
        Ok(Self { records: records.into(), storage, counters, write_queue })
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Value> {
        // What has been admitted and not been written yet is not there; what was not admitted need not be looked for.
        self.records().metadata(key)?;
        self.get_record(key).map(|record| record.value)
    }

    pub(crate) fn get_record(&self, key: &Key) -> Option<Record> {
        self.storage.get(key).unwrap_or_else(|_| {
            self.counters.increment(Counter::StorageFailed);
            None
        })
    }

    /// Keeps a value if there is room, and says whether it is safe now.
    pub(crate) async fn insert(&self, key: Key, record: Record, republish_at: Option<Timestamp>) -> bool {
        let is_written = match self.begin_insert(key, record, republish_at) {
            PendingWrite::Refused => return false,
            PendingWrite::Done(is_written) => is_written,
            PendingWrite::Queued(on_written) => on_written.await.unwrap_or(false),
        };
        if !is_written {
            self.counters.increment(Counter::StorageFailed);
            self.records().remove(&key);
        }
        is_written
    }

    fn begin_insert(&self, key: Key, record: Record, republish_at: Option<Timestamp>) -> PendingWrite {
        // A place in the write_queue's queue first: nothing is to go for a value that is refused in the end.
        let place = match &self.write_queue {
            Some(write_queue) => match write_queue.jobs.try_reserve() {
                Ok(place) => Some(place),
                Err(_) => {
                    self.counters.increment(Counter::StorageFull);
                    return PendingWrite::Refused;
                }
            },
            None => None,
        };
        // Locked until it is queued: what is written last is what was admitted last.
        let mut records = self.records();
        let admission = records.admit(key, metadata(&record, republish_at));
        let mut changes: Vec<_> = admission.evicted.into_iter().map(Change::Remove).collect();
        if admission.is_admitted {
            changes.push(Change::Put(key, record));
        } else {
            self.counters.increment(Counter::StorageFull);
        }
        let pending = match place {
            Some(place) => {
                let (on_written, is_done) = oneshot::channel();
                place.send(WriteJob { changes, on_written: Some(on_written) });
                PendingWrite::Queued(is_done)
            }
            None => PendingWrite::Done(self.storage.write(changes).is_ok()),
        };
        if admission.is_admitted { pending } else { PendingWrite::Refused }
    }

    /// Forgets what has expired, and says how much that was.
    pub(crate) fn expire(&self, now: Timestamp) -> usize {
        let mut records = self.records();
        let expired = records.expire(now);
        let count = expired.len();
        let changes: Vec<_> = expired.into_iter().map(Change::Remove).collect();
        // What cannot be removed now expires again after the next start.
        match &self.write_queue {
            _ if changes.is_empty() => {}
            Some(write_queue) => drop(write_queue.jobs.try_send(WriteJob { changes, on_written: None })),
            None => drop(self.storage.write(changes)),
        }
        count
    }

    pub(crate) fn records(&self) -> MutexGuard<'_, RecordIndex> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn metadata(record: &Record, republish_at: Option<Timestamp>) -> RecordMetadata {
    let origin = record.origin.map(Subnet::of);
    RecordMetadata { len: record.value.encoded_len(), origin, expires_at: record.expires_at, republish_at }
}

/// How far keeping a value has come.
enum PendingWrite {
    Refused,
    /// Whether it was written.
    Done(bool),
    Queued(oneshot::Receiver<bool>),
}
