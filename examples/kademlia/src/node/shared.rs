use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rpcudp::MessageId;
use tokio::sync::{Notify, mpsc, watch};

use crate::contacts::{is_contactable, with_scope};
use crate::node::host_names::HostNames;
use crate::node::strangers::{Credits, Introductions, Places, Validations};
use crate::routing::{Insertion, RoutingTable};
use crate::stats::{Counter, Counters};
use crate::storage::RecordStore;
use crate::timestamp::Clock;
use crate::{Config, Contact, Key, NodeId, Timestamp};

/// The state that a node's service, its tasks and its handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: NodeId,
    pub(crate) addr: SocketAddr,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) store: RecordStore,
    pub(crate) counters: Arc<Counters>,
    pub(crate) checks: mpsc::Sender<Check>,
    /// The contacts that were added to the routing table, for the handover task.
    pub(crate) new_contacts: mpsc::Sender<Contact>,
    /// Wakes the task that validates the introduced contacts.
    pub(crate) introduced: Notify,
    pub(crate) host_names: HostNames,
    table: Mutex<RoutingTable>,
    validations: Mutex<Validations>,
    credits: Mutex<Credits>,
    introductions: Mutex<Introductions>,
    introduction_places: Mutex<Places>,
    request_places: Mutex<Places>,
    /// The addresses that did not respond, and when.
    failed: Mutex<HashMap<SocketAddr, Timestamp>>,
    confirming: Mutex<Confirming>,
    rng: Mutex<StdRng>,
}

/// A contact that the check task pings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// A contact of the routing table that has not been seen for long, or is stale.
    Questionable(Contact),
    /// A contact of the routing table whose id a validated contact claims at another address.
    IdConflict { holder: Contact, claimant: Contact },
}

/// The keys of restored records that a lookup confirms now, each with the request that has begun it
/// and with a receiver that ends with the lookup.
type Confirming = HashMap<Key, (Option<MessageId>, watch::Receiver<()>)>;

/// The reason for the validation of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The routing table has room for the caller.
    Introduction,
    /// The caller's request waits for it.
    Request,
}

/// The number of addresses that did not respond that are kept. At the limit, all are forgotten.
const MAX_FAILED: usize = 1_024;

/// The time for which an address that did not respond is not queried to confirm a value.
const FAILED_FOR: Duration = Duration::from_secs(60);

/// The number of contacts that are validated at a time for the routing table. With 300 ms for each,
/// a flood of 1,700 forged introductions a second replaces none.
const MAX_INTRODUCTIONS: usize = 512;

/// The number of requests that wait for the validation of their caller. With 300 ms for each, a
/// flood of 6,800 forged stores a second replaces none. The values of waiting stores take at most
/// 16 MiB.
pub(crate) const MAX_WAITING_REQUESTS: usize = 2_048;

impl Shared {
    /// `senders` lead to the check task and the handover task.
    pub(crate) fn new(
        id: NodeId,
        addr: SocketAddr,
        config: Config,
        store: RecordStore,
        counters: Arc<Counters>,
        rng: StdRng,
        senders: (mpsc::Sender<Check>, mpsc::Sender<Contact>),
    ) -> Self {
        let clock = Clock::start();
        let table = RoutingTable::new(id, config.k, config.max_per_subnet, clock.now());
        let (checks, new_contacts) = senders;
        let max_per_subnet = if config.limits_subnets { Places::MAX_PER_SUBNET } else { usize::MAX };
        Self {
            id,
            addr,
            config,
            clock,
            store,
            counters,
            checks,
            new_contacts,
            introduced: Notify::new(),
            host_names: HostNames::default(),
            table: table.into(),
            validations: Mutex::default(),
            credits: Mutex::default(),
            introductions: Mutex::default(),
            introduction_places: Places::new(MAX_INTRODUCTIONS, max_per_subnet).into(),
            request_places: Places::new(MAX_WAITING_REQUESTS, max_per_subnet).into(),
            failed: Mutex::default(),
            confirming: Mutex::default(),
            rng: rng.into(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Handles the sender of a request: schedules its validation if the routing table has room for
    /// it.
    ///
    /// `unspent_len` is the number of bytes of the request beyond its response, which the ping may
    /// take.
    pub(crate) fn handle_caller(&self, contact: Contact, unspent_len: usize) {
        if !self.is_contactable(&contact, None) {
            self.counters.increment(Counter::UnusableAddr);
            return;
        }
        if self.table().contains(&contact) {
            return;
        }
        let is_validated = self.validations().is_validated(&contact, self.now());
        if !is_validated && !self.may_ping(&contact, unspent_len) {
            return;
        }
        if self.table().offer(contact) {
            self.introduce(contact);
        }
    }

    /// Returns whether this node may ping the sender of a request without sending it more bytes
    /// than it has sent: see [`Credits`].
    pub(crate) fn may_ping(&self, caller: &Contact, unspent_len: usize) -> bool {
        lock(&self.credits).earn(caller.addr, unspent_len, &mut *self.rng())
    }

    /// Queues a contact to be validated and inserted into the routing table.
    pub(crate) fn introduce(&self, contact: Contact) {
        let has_replaced = lock(&self.introductions).push(contact, &mut *self.rng());
        self.counters.add(Counter::DroppedCheck, usize::from(has_replaced));
        self.introduced.notify_one();
    }

    /// Removes the next contact from the queue of introductions.
    pub(crate) fn next_introduction(&self) -> Option<Contact> {
        lock(&self.introductions).pop()
    }

    /// Returns the places of validations with this purpose.
    pub(crate) fn places(&self, purpose: Purpose) -> MutexGuard<'_, Places> {
        lock(match purpose {
            Purpose::Introduction => &self.introduction_places,
            Purpose::Request => &self.request_places,
        })
    }

    /// Handles a contact that has responded to a ping with its id: inserts it into the routing
    /// table.
    pub(crate) fn handle_validated(&self, contact: Contact) {
        let now = self.now();
        self.validations().insert(&contact, now);
        let insertion = self.table().insert(contact, now);
        match insertion {
            Insertion::Added { replaced } => {
                self.counters.increment(Counter::ContactAdded);
                self.counters.add(Counter::WrongId, usize::from(replaced.is_some()));
                // If the channel is full, the contact gets its values when they are republished.
                let _ = self.new_contacts.try_send(contact);
            }
            Insertion::AlreadyPresent | Insertion::BucketFull { to_ping: None } => {}
            Insertion::BucketFull { to_ping: Some(oldest) } => self.schedule_check(Check::Questionable(oldest)),
            Insertion::IdConflict { holder } => self.schedule_check(Check::IdConflict { holder, claimant: contact }),
            Insertion::SubnetFull => self.counters.increment(Counter::SubnetFull),
            Insertion::LocalId => self.counters.increment(Counter::UnusableAddr),
        }
    }

    /// Records a response of a contact.
    pub(crate) fn handle_response(&self, contact: &Contact) {
        let now = self.now();
        self.table().mark_seen(contact, now);
    }

    /// Records a failed request to a contact.
    pub(crate) fn handle_failure(&self, contact: &Contact) {
        self.validations().remove(contact.addr);
        {
            let mut failed = lock(&self.failed);
            if failed.len() >= MAX_FAILED {
                failed.clear();
            }
            failed.insert(contact.addr, self.now());
        }
        let failure = self.table().mark_failed(contact);
        self.counters.add(Counter::ContactRemoved, usize::from(failure.is_removed));
        if let Some(replacement) = failure.replacement {
            self.introduce(replacement);
        }
    }

    /// Returns whether an address did not respond within the last minute.
    pub(crate) fn has_failed(&self, addr: SocketAddr) -> bool {
        let failed_at = lock(&self.failed).get(&addr).copied();
        failed_at.is_some_and(|at| self.now().since(at) < FAILED_FOR)
    }

    /// Records that the node at a contact's address has another id.
    pub(crate) fn handle_wrong_id(&self, contact: &Contact) {
        self.counters.increment(Counter::WrongId);
        self.validations().remove(contact.addr);
        let mut table = self.table();
        if table.contains(contact) {
            table.remove_addr(contact.addr);
        }
    }

    /// Returns whether a contact is in the routing table or was validated recently.
    pub(crate) fn is_validated(&self, contact: &Contact) -> bool {
        self.table().contains(contact) || self.validations().is_validated(contact, self.now())
    }

    /// Returns the contacts of a response without those that are not contactable.
    ///
    /// A link-local address gets the scope of the referrer's, because both are on the same link.
    pub(crate) fn retain_contactable(&self, mut contacts: Vec<Contact>, referrer: SocketAddr) -> Vec<Contact> {
        let count = contacts.len();
        contacts.retain_mut(|contact| {
            contact.addr = with_scope(contact.addr, referrer);
            contact.id == self.id || self.is_contactable(contact, Some(referrer))
        });
        self.counters.add(Counter::UnusableAddr, count - contacts.len());
        contacts
    }

    /// Returns the time at which a value that is stored now expires, and the time at which it is
    /// republished.
    ///
    /// If this node is not among the k closest to the key, the value is a cached copy: it is not
    /// republished, and expires sooner the farther away this node is (section 2.3 of the paper).
    pub(crate) fn expiry(&self, key: &Key) -> (Timestamp, Option<Timestamp>) {
        let Config { k, expire_after, .. } = self.config;
        let now = self.now();
        let closer = self.table().closer_count(key, 2 * k);
        let Some(excess) = closer.checked_sub(k) else {
            return (now + expire_after, Some(self.republish_at()));
        };
        let halvings = u32::try_from(excess + 1).unwrap_or(u32::MAX).min(10);
        (now + expire_after / 2_u32.pow(halvings), None)
    }

    /// Returns the time at which a value that is stored now is republished. The jitter of up to a
    /// quarter lets one node republish first, which resets the time at the others.
    pub(crate) fn republish_at(&self) -> Timestamp {
        self.now() + self.with_jitter(self.config.republish_after)
    }

    /// Returns the duration, lengthened by up to a quarter.
    pub(crate) fn with_jitter(&self, duration: Duration) -> Duration {
        duration + duration.mul_f64(self.rng().random_range(0.0..0.25))
    }

    /// Queues a check. Drops and counts it if the queue is full.
    pub(crate) fn schedule_check(&self, check: Check) {
        if self.checks.try_send(check).is_err() {
            self.counters.increment(Counter::DroppedCheck);
        }
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, RoutingTable> {
        lock(&self.table)
    }

    pub(crate) fn validations(&self) -> MutexGuard<'_, Validations> {
        lock(&self.validations)
    }

    pub(crate) fn confirming(&self) -> MutexGuard<'_, Confirming> {
        lock(&self.confirming)
    }

    pub(crate) fn rng(&self) -> MutexGuard<'_, StdRng> {
        lock(&self.rng)
    }

    /// Returns whether this node may send to a contact that a peer has returned, or that has
    /// called.
    pub(crate) fn is_contactable(&self, contact: &Contact, referrer: Option<SocketAddr>) -> bool {
        let is_reachable = match (self.addr.ip(), contact.addr.ip()) {
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
            (IpAddr::V6(local), IpAddr::V4(_)) => local.is_unspecified(),
            _ => true,
        };
        is_reachable && contact.id != self.id && contact.addr != self.addr && is_contactable(contact.addr, referrer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under the lock is a bug in one request, and the node goes on with the others.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
