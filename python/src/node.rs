//! The Kademlia node of a protocol.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rpcudp::transport::Udp;
use rpcudp_kademlia::{
    BootstrapError, Change, Config, Contact, Key, Node, Record, SetError, Storage, StorageError, Timestamp, Value,
};
use tokio::task::JoinSet;

use crate::inbox::Inbox;
use crate::outcome::Outcome;
use crate::requests::PythonService;
use crate::values::{id_of, key_of, value_of};

/// The options of a node: its id, `ksize`, `alpha`, whether subnets are limited, and the values of
/// its storage, if it has one.
pub(crate) type NodeOptions<'py> =
    (Bound<'py, PyBytes>, usize, usize, bool, Option<Vec<(Bound<'py, PyBytes>, Bound<'py, PyAny>)>>);

/// The records of a node, in memory. Changes are passed on to the storage of the Python program.
#[derive(Clone, Debug)]
pub(crate) struct Records(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    records: Mutex<HashMap<Key, Record>>,
    /// The keys whose change the program's storage does not have yet, if there is one.
    changed: Option<Mutex<HashSet<Key>>>,
    inbox: Arc<Inbox>,
}

impl Records {
    /// Creates records with the values of a program's storage.
    ///
    /// # Errors
    ///
    /// If a key or a value is none of `kademlia`.
    pub(crate) fn new(
        inbox: Arc<Inbox>,
        stored: Option<Vec<(Bound<'_, PyBytes>, Bound<'_, PyAny>)>>,
    ) -> PyResult<Self> {
        let changed = stored.is_some().then(Mutex::default);
        // The node limits the time.
        let expires_at = Timestamp::from_millis(u64::MAX);
        let record = |value| -> PyResult<_> { Ok(Record { value: value_of(value)?, origin: None, expires_at }) };
        let stored = stored.unwrap_or_default();
        let records = stored.iter().map(|(key, value)| Ok((key_of(key)?, record(value)?)));
        let records = Mutex::new(records.collect::<PyResult<_>>()?);
        Ok(Self(Arc::new(Shared { records, changed, inbox })))
    }

    /// Returns the value under a key.
    pub(crate) fn value(&self, key: &Key) -> Option<Value> {
        self.records().get(key).map(|record| record.value.clone())
    }

    /// Returns all keys and values.
    pub(crate) fn values(&self) -> Vec<(Key, Value)> {
        self.records().iter().map(|(key, record)| (*key, record.value.clone())).collect()
    }

    /// Returns the changes since the last time: a key, and its value unless it was removed.
    pub(crate) fn take_changes(&self) -> Vec<(Key, Option<Value>)> {
        let Some(changed) = &self.0.changed else { return Vec::new() };
        let keys = mem::take(&mut *changed.lock().unwrap_or_else(PoisonError::into_inner));
        keys.into_iter().map(|key| (key, self.value(&key))).collect()
    }

    fn records(&self) -> MutexGuard<'_, HashMap<Key, Record>> {
        self.0.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for Records {
    fn get(&self, key: &Key) -> Result<Option<Record>, StorageError> {
        Ok(self.records().get(key).cloned())
    }

    fn scan(&self, visit: &mut dyn FnMut(Key, &Record)) -> Result<(), StorageError> {
        self.records().iter().for_each(|(key, record)| visit(*key, record));
        Ok(())
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), StorageError> {
        if changes.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = changes
            .iter()
            .map(|change| match change {
                Change::Put(key, _) | Change::Remove(key) => *key,
            })
            .collect();
        let mut records = self.records();
        for change in changes {
            match change {
                Change::Put(key, record) => drop(records.insert(key, record)),
                Change::Remove(key) => drop(records.remove(&key)),
            }
        }
        drop(records);
        if let Some(changed) = &self.0.changed {
            changed.lock().unwrap_or_else(PoisonError::into_inner).extend(keys);
            // The event loop takes the changes with each batch of events.
            self.0.inbox.add(|_| ());
        }
        Ok(())
    }
}

/// Binds a node, which serves `service` beside its own methods.
///
/// # Errors
///
/// If an option is invalid, or the service has a method of the node.
pub(crate) fn bind(
    (id, k, alpha, limits_subnets, stored): NodeOptions<'_>,
    udp: Udp,
    service: PythonService,
    inbox: Arc<Inbox>,
) -> PyResult<(Node, Records)> {
    let records = Records::new(inbox, stored)?;
    let config = Config { k, alpha, limits_subnets, ..Config::default() };
    let builder = Node::builder().id(id_of(&id)?).config(config).storage(records.clone()).serve_dynamic(service);
    let node = builder.bind_transport(udp).map_err(|error| PyOSError::new_err(error.to_string()))?;
    Ok((node, records))
}

/// Joins the network. The outcome is the nodes closest to this one, or none if no node responds.
pub(crate) async fn bootstrap(node: Node, addrs: Vec<SocketAddr>) -> Outcome {
    match node.bootstrap(&addrs).await {
        Ok(_) => Outcome::Contacts(neighbours(&node, &node.id().into(), node.config().k)),
        Err(error @ BootstrapError::UnusableAddress { .. }) => Outcome::Unusable(error.to_string()),
        Err(_) => Outcome::Contacts(Vec::new()),
    }
}

/// Returns the contacts closest to a key.
pub(crate) fn neighbours(node: &Node, key: &Key, count: usize) -> Vec<Contact> {
    let mut contacts = node.state().contacts;
    contacts.sort_unstable_by_key(|contact| contact.id.distance(key));
    contacts.truncate(count);
    contacts
}

/// Looks up values, `at_once` at a time.
pub(crate) async fn get_many(node: Node, keys: Vec<Key>, at_once: usize) -> Outcome {
    let get = |node: Node, key| async move { node.get(key).await.ok().flatten() };
    Outcome::Values(for_each(node, keys, at_once, get).await)
}

/// Stores values, `at_once` at a time.
pub(crate) async fn set_many(node: Node, values: Vec<(Key, Value)>, at_once: usize) -> Outcome {
    let too_large = values.iter().find(|(_, value)| !value.fits());
    if let Some((_, value)) = too_large {
        let error = SetError::TooLarge { size: value.encoded_len(), limit: Value::MAX_LEN };
        return Outcome::Unusable(error.to_string());
    }
    let set = |node: Node, (key, value)| async move { node.set(key, Value::clone(&value)).await.unwrap_or_default() };
    Outcome::Counts(for_each(node, values, at_once, set).await)
}

/// Runs a future for each item, `at_once` at a time. Returns the results in the order of the items.
async fn for_each<I, T, F>(node: Node, items: Vec<I>, at_once: usize, run: fn(Node, I) -> F) -> Vec<T>
where
    I: Clone + Send + Sync + 'static,
    T: Default + Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let items = Arc::new(items);
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..at_once.clamp(1, items.len().max(1)) {
        let (node, items, next) = (node.clone(), Arc::clone(&items), Arc::clone(&next));
        workers.spawn(async move {
            let mut results = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(index) else { return results };
                results.push((index, run(node.clone(), item.clone()).await));
            }
        });
    }
    let mut results: Vec<T> = items.iter().map(|_| T::default()).collect();
    for (index, result) in workers.join_all().await.into_iter().flatten() {
        results[index] = result;
    }
    results
}
