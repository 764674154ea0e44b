use std::net::SocketAddr;
use std::time::Duration;

use crate::{Contact, Neighbourhood, NodeId, Timestamp};

/// Contacts that share a number of first bits with our own id, and those that would take their places.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    /// The least recently seen first.
    pub(super) entries: Vec<Entry>,
    /// Unproven, the latest last.
    pub(super) replacements: Vec<Contact>,
    /// When a lookup last went through it.
    pub(super) touched: Timestamp,
}

/// A contact that has proven who and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) contact: Contact,
    pub(super) seen: Timestamp,
    /// How often it did not answer since.
    pub(super) silences: u8,
}

impl Entry {
    pub(super) fn is_suspect(&self) -> bool {
        self.silences > 0
    }
}

impl Bucket {
    /// Silences in a row after which a contact goes even if nobody would take its place: before that, it may be our own
    /// network that is down, and there would be nobody left to come back to.
    const MAX_SILENCES: u8 = 5;

    pub(super) fn position(&self, id: &NodeId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.contact.id == *id)
    }

    pub(super) fn put(&mut self, contact: Contact, now: Timestamp) {
        self.replacements.retain(|other| other.id != contact.id && other.addr != contact.addr);
        self.entries.push(Entry { contact, seen: now, silences: 0 });
    }

    /// Notes that a contact has answered: it becomes the most recently seen.
    pub(super) fn saw(&mut self, position: usize, now: Timestamp) {
        let mut entry = self.entries.remove(position);
        (entry.seen, entry.silences) = (now, 0);
        self.entries.push(entry);
    }

    /// Notes that a contact has not answered. It goes, if there is one to take its place (which is returned, to be
    /// proven), or if it has been silent for long. Says whether it went.
    pub(super) fn silent(&mut self, position: usize) -> (bool, Option<Contact>) {
        let replacement = self.replacements.pop();
        let entry = &mut self.entries[position];
        entry.silences += 1;
        let goes = replacement.is_some() || entry.silences >= Self::MAX_SILENCES;
        if goes {
            self.entries.remove(position);
        }
        (goes, replacement)
    }

    /// Keeps a contact for when a place gets free.
    pub(super) fn remember(&mut self, contact: Contact, limit: usize, per_neighbourhood: usize) {
        self.replacements.retain(|other| other.id != contact.id && other.addr != contact.addr);
        let neighbourhood = Neighbourhood::of(contact.addr);
        let neighbours = self.replacements.iter().filter(|other| Neighbourhood::of(other.addr) == neighbourhood);
        if neighbours.count() < per_neighbourhood {
            if self.replacements.len() >= limit {
                self.replacements.remove(0);
            }
            self.replacements.push(contact);
        }
    }

    /// Where the neighbours of this address are.
    pub(super) fn neighbours(&self, addr: SocketAddr) -> impl Iterator<Item = usize> {
        let neighbourhood = Neighbourhood::of(addr);
        let is_neighbour = move |entry: &Entry| Neighbourhood::of(entry.contact.addr) == neighbourhood;
        self.entries.iter().enumerate().filter(move |(_, entry)| is_neighbour(entry)).map(|(position, _)| position)
    }

    /// The least recently seen contact, if nobody has heard of it for this long.
    pub(super) fn questionable(&self, now: Timestamp, after: Duration) -> Option<Contact> {
        self.entries.first().filter(|oldest| now.since(oldest.seen) >= after).map(|oldest| oldest.contact)
    }
}
