use std::net::SocketAddr;
use std::time::Duration;

use crate::{Contact, NodeId, Subnet, Timestamp};

/// Contacts that share a number of first bits with our own id, and those that would take their places.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    /// The least recently seen first.
    pub(super) entries: Vec<Entry>,
    /// Unproven, the latest last.
    pub(super) replacements: Vec<Contact>,
    /// When a lookup last went through it.
    pub(super) last_lookup: Timestamp,
}

/// A contact that has proven who and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) contact: Contact,
    pub(super) seen: Timestamp,
    /// How often it did not answer since.
    pub(super) failures: u8,
}

impl Entry {
    pub(super) fn is_stale(&self) -> bool {
        self.failures > 0
    }
}

impl Bucket {
    /// Silences in a row after which a contact goes even if nobody would take its place: before that, it may be our own
    /// network that is down, and there would be nobody left to come back to.
    const MAX_FAILURES: u8 = 5;

    pub(super) fn position(&self, id: &NodeId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.contact.id == *id)
    }

    pub(super) fn insert(&mut self, contact: Contact, now: Timestamp) {
        self.replacements.retain(|other| other.id != contact.id && other.addr != contact.addr);
        self.entries.push(Entry { contact, seen: now, failures: 0 });
    }

    /// Notes that a contact has answered: it becomes the most recently seen.
    pub(super) fn mark_seen(&mut self, position: usize, now: Timestamp) {
        let mut entry = self.entries.remove(position);
        (entry.seen, entry.failures) = (now, 0);
        self.entries.push(entry);
    }

    /// Notes that a contact has not answered. It goes, if there is one to take its place (which is returned, to be
    /// proven), or if it has been silent for long. Says whether it went.
    pub(super) fn mark_failed(&mut self, position: usize) -> (bool, Option<Contact>) {
        let replacement = self.replacements.pop();
        let entry = &mut self.entries[position];
        entry.failures += 1;
        let goes = replacement.is_some() || entry.failures >= Self::MAX_FAILURES;
        if goes {
            self.entries.remove(position);
        }
        (goes, replacement)
    }

    /// Keeps a contact for when a place gets free.
    pub(super) fn cache_replacement(&mut self, contact: Contact, limit: usize, max_per_subnet: usize) {
        self.replacements.retain(|other| other.id != contact.id && other.addr != contact.addr);
        let subnet = Subnet::of(contact.addr);
        let neighbours = self.replacements.iter().filter(|other| Subnet::of(other.addr) == subnet);
        if neighbours.count() < max_per_subnet {
            if self.replacements.len() >= limit {
                self.replacements.remove(0);
            }
            self.replacements.push(contact);
        }
    }

    /// Where the neighbours of this address are.
    pub(super) fn positions_in_subnet(&self, addr: SocketAddr) -> impl Iterator<Item = usize> {
        let subnet = Subnet::of(addr);
        let is_neighbour = move |entry: &Entry| Subnet::of(entry.contact.addr) == subnet;
        self.entries.iter().enumerate().filter(move |(_, entry)| is_neighbour(entry)).map(|(position, _)| position)
    }

    /// The least recently seen contact, if nobody has heard of it for this long.
    pub(super) fn questionable(&self, now: Timestamp, after: Duration) -> Option<Contact> {
        self.entries.first().filter(|oldest| now.since(oldest.seen) >= after).map(|oldest| oldest.contact)
    }
}
