use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The limits of a pool.
#[derive(Clone, Debug)]
pub(crate) struct PoolLimits {
    pub(crate) name: Arc<str>,
    /// The largest number of members.
    pub(crate) capacity: usize,
    /// The largest number of peers that wait in line.
    pub(crate) queue: usize,
    pub(crate) lease: Duration,
}

/// A pool: its members by address, and its line.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) limits: PoolLimits,
    /// The keys of the sessions by the address that each was last heard from.
    pub(super) by_addr: HashMap<SocketAddr, u64>,
    /// The keys of the sessions from which another session has taken the address.
    pub(super) displaced: HashMap<SocketAddr, u64>,
    /// The places that are taken: members, and peers that are about to become members.
    pub(super) taken: usize,
    pub(super) line: Line,
}

/// The peers that wait for a place, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The tickets and keys of the sessions. Sorted, because tickets grow.
    places: VecDeque<(u64, u64)>,
    next_ticket: u64,
}

impl Pool {
    pub(super) fn new(limits: PoolLimits) -> Self {
        Self { limits, by_addr: HashMap::new(), displaced: HashMap::new(), taken: 0, line: Line::default() }
    }

    pub(super) fn has_place(&self) -> bool {
        self.taken < self.limits.capacity && self.line.is_empty()
    }

    pub(super) fn has_place_in_line(&self) -> bool {
        self.line.len() < self.limits.queue
    }

    /// Returns whether more than half of the places are taken, those in line included.
    pub(super) fn is_more_than_half_full(&self) -> bool {
        let all = self.limits.capacity.saturating_add(self.limits.queue);
        2 * (self.taken + self.line.len()) > all
    }

    /// Gives an address to a session. The session that had it before is displaced. Returns the one
    /// that was displaced before that.
    pub(super) fn set_addr(&mut self, addr: SocketAddr, key: u64) -> Option<u64> {
        let before = self.by_addr.insert(addr, key).filter(|before| *before != key)?;
        self.displaced.insert(addr, before)
    }

    /// Takes an address from a session, unless another session has it by now.
    pub(super) fn clear_addr(&mut self, addr: SocketAddr, key: u64) {
        for sessions in [&mut self.by_addr, &mut self.displaced] {
            if sessions.get(&addr) == Some(&key) {
                sessions.remove(&addr);
            }
        }
    }
}

impl Line {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds a session at the end. Returns its ticket.
    pub(super) fn push(&mut self, key: u64) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.places.push_back((ticket, key));
        ticket
    }

    /// Takes the session that has waited longest.
    pub(super) fn pop(&mut self) -> Option<u64> {
        self.places.pop_front().map(|(_, key)| key)
    }

    /// Removes a session.
    pub(super) fn remove(&mut self, ticket: u64) {
        if let Ok(at) = self.find(ticket) {
            self.places.remove(at);
        }
    }

    /// Returns the position of a session, counted from 1.
    pub(super) fn position(&self, ticket: u64) -> usize {
        self.find(ticket).map_or(1, |at| at + 1)
    }

    fn find(&self, ticket: u64) -> Result<usize, usize> {
        self.places.binary_search_by_key(&ticket, |(ticket, _)| *ticket)
    }
}
