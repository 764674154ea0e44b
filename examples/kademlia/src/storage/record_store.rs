use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::backend::Storage;
use super::error::StorageError;
use super::record::{Change, Record};
use super::write_queue::{Job, Writer};
use crate::records::{Records, Terms};
use crate::stats::{Count, Counters};
use crate::{Key, Neighbourhood, Timestamp, Value};

/// The values of a node: the records, which say what is kept, and the storage, which keeps it.
#[derive(Debug)]
pub(crate) struct Shelf {
    records: Mutex<Records>,
    storage: Arc<dyn Storage>,
    counters: Arc<Counters>,
    /// Where the storage is slow.
    writer: Option<Writer>,
}

impl Shelf {
    /// Takes over what the storage has from before. It is republished some time within `republish`.
    pub(crate) fn open(
        mut records: Records,
        storage: Arc<dyn Storage>,
        counters: Arc<Counters>,
        mut republish: impl FnMut() -> Timestamp,
    ) -> Result<Self, StorageError> {
        let mut too_many = Vec::new();
        storage.scan(&mut |key, record| {
            let admission = records.admit(key, terms(record, Some(republish())));
            too_many.extend(admission.evicted.into_iter().chain((!admission.is_admitted).then_some(key)));
        })?;
        storage.write(too_many.into_iter().map(Change::Remove).collect())?;
        let writer = storage.is_slow().then(|| Writer::start(Arc::clone(&storage)));
        Ok(Self { records: records.into(), storage, counters, writer })
    }

    pub(crate) fn find(&self, key: &Key) -> Option<Value> {
        // What has been admitted and not been written yet is not there; what was not admitted need not be looked for.
        self.records().terms(key)?;
        self.find_record(key).map(|record| record.value)
    }

    pub(crate) fn find_record(&self, key: &Key) -> Option<Record> {
        self.storage.find(key).unwrap_or_else(|_| {
            self.counters.one(Count::StorageFailed);
            None
        })
    }

    /// Keeps a value if there is room, and says whether it is safe now.
    pub(crate) async fn keep(&self, key: Key, record: Record, republish: Option<Timestamp>) -> bool {
        let is_written = match self.begin(key, record, republish) {
            Begun::Refused => return false,
            Begun::Ended(is_written) => is_written,
            Begun::Posted(done) => done.await.unwrap_or(false),
        };
        if !is_written {
            self.counters.one(Count::StorageFailed);
            self.records().remove(&key);
        }
        is_written
    }

    fn begin(&self, key: Key, record: Record, republish: Option<Timestamp>) -> Begun {
        // A place in the writer's queue first: nothing is to go for a value that is refused in the end.
        let place = match &self.writer {
            Some(writer) => match writer.jobs.try_reserve() {
                Ok(place) => Some(place),
                Err(_) => {
                    self.counters.one(Count::StoreFull);
                    return Begun::Refused;
                }
            },
            None => None,
        };
        // Locked until it is posted: what is written last is what was admitted last.
        let mut records = self.records();
        let admission = records.admit(key, terms(&record, republish));
        let mut changes: Vec<_> = admission.evicted.into_iter().map(Change::Remove).collect();
        if admission.is_admitted {
            changes.push(Change::Put(key, record));
        } else {
            self.counters.one(Count::StoreFull);
        }
        let begun = match place {
            Some(place) => {
                let (done, is_done) = oneshot::channel();
                place.send(Job { changes, done: Some(done) });
                Begun::Posted(is_done)
            }
            None => Begun::Ended(self.storage.write(changes).is_ok()),
        };
        if admission.is_admitted { begun } else { Begun::Refused }
    }

    /// Forgets what has expired, and says how much that was.
    pub(crate) fn expire(&self, now: Timestamp) -> usize {
        let mut records = self.records();
        let expired = records.expire(now);
        let count = expired.len();
        let changes: Vec<_> = expired.into_iter().map(Change::Remove).collect();
        // What cannot be removed now expires again after the next start.
        match &self.writer {
            _ if changes.is_empty() => {}
            Some(writer) => drop(writer.jobs.try_send(Job { changes, done: None })),
            None => drop(self.storage.write(changes)),
        }
        count
    }

    pub(crate) fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn terms(record: &Record, republish: Option<Timestamp>) -> Terms {
    let origin = record.origin.map(Neighbourhood::of);
    Terms { len: record.value.encoded_len(), origin, expires: record.expires, republish }
}

/// How far keeping a value has come.
enum Begun {
    Refused,
    /// Whether it was written.
    Ended(bool),
    Posted(oneshot::Receiver<bool>),
}
