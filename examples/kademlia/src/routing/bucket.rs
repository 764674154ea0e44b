use std::net::SocketAddr;
use std::time::Duration;

use crate::{Contact, NodeId, Subnet, Timestamp};

/// A k-bucket with its replacement cache: contacts that share a prefix with the local id.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    /// The contacts, the least recently seen first.
    pub(super) entries: Vec<Entry>,
    /// The replacement cache: unvalidated contacts, the most recently seen last.
    pub(super) replacements: Vec<Contact>,
    /// The time of the last lookup of a key in the bucket's range.
    pub(super) last_lookup: Timestamp,
}

/// A validated contact in a k-bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) contact: Contact,
    /// The time of the last response.
    pub(super) last_seen: Timestamp,
    /// The number of failed requests since the last response.
    pub(super) failures: u8,
}

impl Entry {
    /// Returns whether the contact has failed the latest request.
    pub(super) fn is_stale(&self) -> bool {
        self.failures > 0
    }
}

impl Bucket {
    /// The number of consecutive failures after which a contact is removed even if the replacement
    /// cache is empty. Fewer failures may mean that this node's own network is down, and an empty
    /// table would leave no contact to rejoin through.
    const MAX_FAILURES: u8 = 5;

    pub(super) fn position(&self, id: &NodeId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.contact.id == *id)
    }

    pub(super) fn insert(&mut self, contact: Contact, now: Timestamp) {
        self.replacements.retain(|other| other.id != contact.id && other.addr != contact.addr);
        self.entries.push(Entry { contact, last_seen: now, failures: 0 });
    }

    /// Records a response: the contact becomes the most recently seen.
    pub(super) fn mark_seen(&mut self, position: usize, now: Timestamp) {
        let mut entry = self.entries.remove(position);
        (entry.last_seen, entry.failures) = (now, 0);
        self.entries.push(entry);
    }

    /// Records a failed request. Returns whether the contact was removed, and the replacement.
    ///
    /// The contact is removed if the cache has a replacement, or after `MAX_FAILURES`.
    pub(super) fn mark_failed(&mut self, position: usize) -> (bool, Option<Contact>) {
        let replacement = self.replacements.pop();
        let entry = &mut self.entries[position];
        entry.failures += 1;
        let is_removed = replacement.is_some() || entry.failures >= Self::MAX_FAILURES;
        if is_removed {
            self.entries.remove(position);
        }
        (is_removed, replacement)
    }

    /// Puts a contact in the replacement cache, unless its subnet has reached its limit there.
    pub(super) fn cache_replacement(&mut self, contact: Contact, limit: usize, max_per_subnet: usize) {
        self.replacements.retain(|other| other.id != contact.id && other.addr != contact.addr);
        let subnet = Subnet::of(contact.addr);
        let in_subnet = self.replacements.iter().filter(|other| Subnet::of(other.addr) == subnet);
        if in_subnet.count() < max_per_subnet {
            if self.replacements.len() >= limit {
                self.replacements.remove(0);
            }
            self.replacements.push(contact);
        }
    }

    /// Returns the positions of the contacts in the subnet of an address.
    pub(super) fn positions_in_subnet(&self, addr: SocketAddr) -> impl Iterator<Item = usize> {
        let subnet = Subnet::of(addr);
        let is_in_subnet = move |entry: &Entry| Subnet::of(entry.contact.addr) == subnet;
        self.entries.iter().enumerate().filter(move |(_, entry)| is_in_subnet(entry)).map(|(position, _)| position)
    }

    /// Returns the least recently seen contact if it was last seen at least `after` ago.
    pub(super) fn questionable(&self, now: Timestamp, after: Duration) -> Option<Contact> {
        self.entries.first().filter(|oldest| now.since(oldest.last_seen) >= after).map(|oldest| oldest.contact)
    }
}
