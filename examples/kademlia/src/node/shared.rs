use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::mpsc;

use crate::contacts::is_contactable;
use crate::node::validations::Validations;
use crate::routing::{Insertion, RoutingTable};
use crate::stats::{Counter, Counters};
use crate::storage::RecordStore;
use crate::timestamp::Clock;
use crate::{Config, Contact, Key, NodeId, Timestamp};

/// What this node is and knows: what its service and its tasks have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: NodeId,
    pub(crate) addr: SocketAddr,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) store: RecordStore,
    pub(crate) counters: Arc<Counters>,
    pub(crate) checks: mpsc::Sender<Check>,
    pub(crate) newcomers: mpsc::Sender<Contact>,
    table: Mutex<RoutingTable>,
    validations: Mutex<Validations>,
    rng: Mutex<StdRng>,
}

/// Somebody who is to be asked whether it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// A contact, who belongs in the table if it is who it says.
    Unvalidated(Contact),
    /// A contact that nobody has heard of for long.
    Questionable(Contact),
    /// One that has an id which another wants, who has validated to have it.
    IdConflict { holder: Contact, claimant: Contact },
}

impl Shared {
    /// `ends` are where checks and newcomers are dealt with.
    pub(crate) fn new(
        id: NodeId,
        addr: SocketAddr,
        config: Config,
        store: RecordStore,
        counters: Arc<Counters>,
        rng: StdRng,
        ends: (mpsc::Sender<Check>, mpsc::Sender<Contact>),
    ) -> Self {
        let clock = Clock::start();
        let table = RoutingTable::new(id, config.k, config.max_per_subnet, clock.now());
        let (checks, newcomers) = ends;
        Self {
            id,
            addr,
            config,
            clock,
            store,
            counters,
            checks,
            newcomers,
            table: table.into(),
            validations: Mutex::default(),
            rng: rng.into(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Notes that a request came from somebody who says who it is: it will be asked, if there is a use for it.
    pub(crate) fn note_caller(&self, contact: Contact) {
        if !self.is_contactable(&contact, None) {
            self.counters.increment(Counter::UnusableAddr);
            return;
        }
        {
            let mut table = self.table();
            if table.contains(&contact) || !table.offer(contact) {
                return;
            }
        }
        if self.validations().queue(contact.addr) {
            self.schedule_check(Check::Unvalidated(contact));
        }
    }

    /// Notes that somebody has validated who and where it is.
    pub(crate) fn handle_validated(&self, contact: Contact) {
        let now = self.now();
        self.validations().insert(&contact, now);
        let insertion = self.table().insert(contact, now);
        match insertion {
            Insertion::Added { replaced } => {
                self.counters.increment(Counter::ContactAdded);
                self.counters.add(Counter::WrongId, usize::from(replaced.is_some()));
                // If many come at once, the last of them get their values when they are next republished.
                let _ = self.newcomers.try_send(contact);
            }
            Insertion::AlreadyPresent | Insertion::BucketFull { to_ping: None } => {}
            Insertion::BucketFull { to_ping: Some(oldest) } => self.schedule_check(Check::Questionable(oldest)),
            Insertion::IdConflict { holder } => self.schedule_check(Check::IdConflict { holder, claimant: contact }),
            Insertion::SubnetFull => self.counters.increment(Counter::SubnetFull),
            Insertion::LocalId => self.counters.increment(Counter::UnusableAddr),
        }
    }

    /// Notes that somebody who is known has answered.
    pub(crate) fn handle_response(&self, contact: &Contact) {
        let now = self.now();
        self.table().mark_seen(contact, now);
    }

    /// Notes that somebody has not answered.
    pub(crate) fn handle_failure(&self, contact: &Contact) {
        self.validations().remove(contact.addr);
        let silence = self.table().mark_failed(contact);
        self.counters.add(Counter::ContactRemoved, usize::from(silence.is_removed));
        if let Some(replacement) = silence.replacement {
            self.schedule_check(Check::Unvalidated(replacement));
        }
    }

    /// Notes that another answers at this address than who was said to be there.
    pub(crate) fn handle_wrong_id(&self, contact: &Contact) {
        self.counters.increment(Counter::WrongId);
        self.validations().remove(contact.addr);
        let mut table = self.table();
        if table.contains(contact) {
            table.remove_addr(contact.addr);
        }
    }

    /// Whether there is no need to ask who it is.
    pub(crate) fn is_validated(&self, contact: &Contact) -> bool {
        self.table().contains(contact) || self.validations().is_validated(contact, self.now())
    }

    /// Those of the contacts that `referrer` told which may be nodes.
    pub(crate) fn retain_contactable(&self, mut told: Vec<Contact>, referrer: SocketAddr) -> Vec<Contact> {
        let count = told.len();
        told.retain(|contact| contact.id == self.id || self.is_contactable(contact, Some(referrer)));
        self.counters.add(Counter::UnusableAddr, count - told.len());
        told
    }

    /// When a value that is stored now is to be forgotten, and whether it is to be republished: what lies outside the k
    /// nearest is a cached copy, and the farther outside the shorter it is kept (section 2.3 of the paper).
    pub(crate) fn expiry(&self, key: &Key) -> (Timestamp, Option<Timestamp>) {
        let Config { k, expire_after, .. } = self.config;
        let now = self.now();
        let nearer = self.table().closer_count(key, 2 * k);
        let Some(too_far) = nearer.checked_sub(k) else {
            return (now + expire_after, Some(self.republish_at()));
        };
        let halvings = u32::try_from(too_far + 1).unwrap_or(u32::MAX).min(10);
        (now + expire_after / 2_u32.pow(halvings), None)
    }

    /// When a value that is stored now is to be stored again: up to a quarter later than it could be, so that whoever is
    /// first spares the others the work.
    pub(crate) fn republish_at(&self) -> Timestamp {
        self.now() + self.with_jitter(self.config.republish_after)
    }

    /// A time up to a quarter longer.
    pub(crate) fn with_jitter(&self, duration: Duration) -> Duration {
        duration + duration.mul_f64(self.rng().random_range(0.0..0.25))
    }

    pub(crate) fn schedule_check(&self, check: Check) {
        if self.checks.try_send(check).is_err() {
            self.counters.increment(Counter::DroppedCheck);
            if let Check::Unvalidated(contact) = check {
                self.validations().dequeue(contact.addr);
            }
        }
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, RoutingTable> {
        lock(&self.table)
    }

    pub(crate) fn validations(&self) -> MutexGuard<'_, Validations> {
        lock(&self.validations)
    }

    pub(crate) fn rng(&self) -> MutexGuard<'_, StdRng> {
        lock(&self.rng)
    }

    fn is_contactable(&self, contact: &Contact, referrer: Option<SocketAddr>) -> bool {
        let is_reachable = match (self.addr.ip(), contact.addr.ip()) {
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
            (IpAddr::V6(own), IpAddr::V4(_)) => own.is_unspecified(),
            _ => true,
        };
        is_reachable && contact.id != self.id && contact.addr != self.addr && is_contactable(contact.addr, referrer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while one is held is a bug; the others need not die of it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
