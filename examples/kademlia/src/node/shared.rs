use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::mpsc;

use crate::contacts::is_worth_a_datagram;
use crate::node::validations::Introductions;
use crate::routing::{Insertion, RoutingTable};
use crate::stats::{Count, Counters};
use crate::storage::Shelf;
use crate::timestamp::Clock;
use crate::{Config, Contact, Key, NodeId, Timestamp};

/// What this node is and knows: what its service and its tasks have in common.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) id: NodeId,
    pub(crate) addr: SocketAddr,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) shelf: Shelf,
    pub(crate) counters: Arc<Counters>,
    pub(crate) doubts: mpsc::Sender<Doubt>,
    pub(crate) newcomers: mpsc::Sender<Contact>,
    table: Mutex<RoutingTable>,
    introductions: Mutex<Introductions>,
    rng: Mutex<StdRng>,
}

/// Somebody who is to be asked whether it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Doubt {
    /// A stranger, who belongs in the table if it is who it says.
    Stranger(Contact),
    /// A contact that nobody has heard of for long.
    Old(Contact),
    /// One that has an id which another wants, who has proven to have it.
    Rival { holder: Contact, claimant: Contact },
}

impl Local {
    /// `ends` are where doubts and newcomers are dealt with.
    pub(crate) fn new(
        id: NodeId,
        addr: SocketAddr,
        config: Config,
        shelf: Shelf,
        counters: Arc<Counters>,
        rng: StdRng,
        ends: (mpsc::Sender<Doubt>, mpsc::Sender<Contact>),
    ) -> Self {
        let clock = Clock::start();
        let table = RoutingTable::new(id, config.k, config.per_neighbourhood, clock.now());
        let (doubts, newcomers) = ends;
        Self {
            id,
            addr,
            config,
            clock,
            shelf,
            counters,
            doubts,
            newcomers,
            table: table.into(),
            introductions: Mutex::default(),
            rng: rng.into(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Notes that a request came from somebody who says who it is: it will be asked, if there is a use for it.
    pub(crate) fn meet(&self, stranger: Contact) {
        if !self.may_be(&stranger, None) {
            self.counters.one(Count::AbsurdContact);
            return;
        }
        {
            let mut table = self.table();
            if table.knows(&stranger) || !table.wants(stranger) {
                return;
            }
        }
        if self.introductions().queue(stranger.addr) {
            self.doubt(Doubt::Stranger(stranger));
        }
    }

    /// Notes that somebody has proven who and where it is.
    pub(crate) fn welcome(&self, contact: Contact) {
        let now = self.now();
        self.introductions().prove(&contact, now);
        let insertion = self.table().insert(contact, now);
        match insertion {
            Insertion::Added { instead } => {
                self.counters.one(Count::Joined);
                self.counters.add(Count::WrongId, usize::from(instead.is_some()));
                // If many come at once, the last of them get their values when they are next republished.
                let _ = self.newcomers.try_send(contact);
            }
            Insertion::Known | Insertion::Full { ask: None } => {}
            Insertion::Full { ask: Some(oldest) } => self.doubt(Doubt::Old(oldest)),
            Insertion::Taken { by } => self.doubt(Doubt::Rival { holder: by, claimant: contact }),
            Insertion::Crowded => self.counters.one(Count::Crowded),
            Insertion::Own => self.counters.one(Count::AbsurdContact),
        }
    }

    /// Notes that somebody who is known has answered.
    pub(crate) fn heard(&self, contact: &Contact) {
        let now = self.now();
        self.table().answered(contact, now);
    }

    /// Notes that somebody has not answered.
    pub(crate) fn missed(&self, contact: &Contact) {
        self.introductions().disprove(contact.addr);
        let silence = self.table().silent(contact);
        self.counters.add(Count::Lost, usize::from(silence.is_gone));
        if let Some(replacement) = silence.replacement {
            self.doubt(Doubt::Stranger(replacement));
        }
    }

    /// Notes that another answers at this address than who was said to be there.
    pub(crate) fn mistook(&self, contact: &Contact) {
        self.counters.one(Count::WrongId);
        self.introductions().disprove(contact.addr);
        let mut table = self.table();
        if table.knows(contact) {
            table.remove_addr(contact.addr);
        }
    }

    /// Whether there is no need to ask who it is.
    pub(crate) fn is_proven(&self, contact: &Contact) -> bool {
        self.table().knows(contact) || self.introductions().is_proven(contact, self.now())
    }

    /// Those of the contacts that `informer` told which may be nodes.
    pub(crate) fn believable(&self, mut told: Vec<Contact>, informer: SocketAddr) -> Vec<Contact> {
        let count = told.len();
        told.retain(|contact| contact.id == self.id || self.may_be(contact, Some(informer)));
        self.counters.add(Count::AbsurdContact, count - told.len());
        told
    }

    /// When a value that is stored now is to be forgotten, and whether it is to be republished: what lies outside the k
    /// nearest is a cached copy, and the farther outside the shorter it is kept (section 2.3 of the paper).
    pub(crate) fn terms(&self, key: &Key) -> (Timestamp, Option<Timestamp>) {
        let Config { k, expire_after, .. } = self.config;
        let now = self.now();
        let nearer = self.table().nearer_than_we(key, 2 * k);
        let Some(too_far) = nearer.checked_sub(k) else {
            return (now + expire_after, Some(self.republish_at()));
        };
        let halvings = u32::try_from(too_far + 1).unwrap_or(u32::MAX).min(10);
        (now + expire_after / 2_u32.pow(halvings), None)
    }

    /// When a value that is stored now is to be stored again: up to a quarter later than it could be, so that whoever is
    /// first spares the others the work.
    pub(crate) fn republish_at(&self) -> Timestamp {
        self.now() + self.vary(self.config.republish_after)
    }

    /// A time up to a quarter longer.
    pub(crate) fn vary(&self, duration: Duration) -> Duration {
        duration + duration.mul_f64(self.rng().random_range(0.0..0.25))
    }

    pub(crate) fn doubt(&self, doubt: Doubt) {
        if self.doubts.try_send(doubt).is_err() {
            self.counters.one(Count::TooManyIntroductions);
            if let Doubt::Stranger(stranger) = doubt {
                self.introductions().unqueue(stranger.addr);
            }
        }
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, RoutingTable> {
        lock(&self.table)
    }

    pub(crate) fn introductions(&self) -> MutexGuard<'_, Introductions> {
        lock(&self.introductions)
    }

    pub(crate) fn rng(&self) -> MutexGuard<'_, StdRng> {
        lock(&self.rng)
    }

    fn may_be(&self, contact: &Contact, informer: Option<SocketAddr>) -> bool {
        let is_reachable = match (self.addr.ip(), contact.addr.ip()) {
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
            (IpAddr::V6(own), IpAddr::V4(_)) => own.is_unspecified(),
            _ => true,
        };
        is_reachable
            && contact.id != self.id
            && contact.addr != self.addr
            && is_worth_a_datagram(contact.addr, informer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while one is held is a bug; the others need not die of it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
