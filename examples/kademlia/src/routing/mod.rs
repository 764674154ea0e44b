mod bucket;
mod bucket_ranges;
mod outcome;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use bucket::{Bucket, Entry};
use bucket_ranges::BucketRanges;
pub use outcome::{Failure, Insertion};
use rand::Rng;

use crate::{Contact, Key, NodeId, Timestamp};

/// The routing table of a node: many contacts close to its own id, and few far from it.
///
/// The contacts are in k-buckets. The first bucket holds contacts whose id differs from the local
/// id in the first bit, the second bucket those that share one bit with it, and so on. The last
/// bucket holds all contacts that share more bits, and is split when it is full. The table does no
/// I/O: time is an argument, and contacts to ping are returned to the caller.
///
/// Insert only validated contacts, which have responded to a ping with their id from their address.
/// A full bucket keeps its contacts as long as they respond, because old contacts are likelier to
/// stay online than new ones (section 2.4 of the paper).
#[derive(Clone, Debug)]
pub struct RoutingTable {
    local_id: NodeId,
    k: usize,
    max_per_subnet: usize,
    buckets: Vec<Bucket>,
}

impl RoutingTable {
    /// The time since a contact was last seen after which it is pinged if its bucket is full.
    const QUESTIONABLE_AFTER: Duration = Duration::from_secs(15 * 60);

    /// Creates an empty table for the node `local_id`, with at most `k` contacts in a bucket and
    /// at most `max_per_subnet` of one [subnet](crate::Subnet).
    #[must_use]
    pub fn new(local_id: NodeId, k: usize, max_per_subnet: usize, now: Timestamp) -> Self {
        let bucket = Bucket { last_lookup: now, ..Bucket::default() };
        Self { local_id, k, max_per_subnet, buckets: vec![bucket] }
    }

    /// Inserts a contact that has just been validated.
    pub fn insert(&mut self, contact: Contact, now: Timestamp) -> Insertion {
        if contact.id == self.local_id {
            return Insertion::LocalId;
        }
        let index = self.ranges().index(&contact.id.into());
        if let Some(position) = self.buckets[index].position(&contact.id) {
            let holder = self.buckets[index].entries[position].contact;
            if holder.addr != contact.addr {
                return Insertion::IdConflict { holder };
            }
            self.buckets[index].mark_seen(position, now);
            return Insertion::AlreadyPresent;
        }
        let replaced = self.remove_addr(contact.addr);
        loop {
            let index = self.ranges().index(&contact.id.into());
            let may_split = index + 1 == self.buckets.len() && self.buckets.len() < MAX_BUCKET_COUNT;
            let (k, max_per_subnet) = (self.k, self.max_per_subnet);
            let bucket = &mut self.buckets[index];
            if bucket.positions_in_subnet(contact.addr).count() >= max_per_subnet {
                let stale =
                    bucket.positions_in_subnet(contact.addr).find(|position| bucket.entries[*position].is_stale());
                let Some(stale) = stale else { return Insertion::SubnetFull };
                bucket.entries.remove(stale);
            }
            let stale = bucket.entries.iter().position(Entry::is_stale);
            if bucket.entries.len() < k {
                bucket.insert(contact, now);
                return Insertion::Added { replaced };
            } else if may_split {
                self.split();
            } else if let Some(stale) = stale {
                bucket.entries.remove(stale);
                bucket.insert(contact, now);
                return Insertion::Added { replaced };
            } else {
                bucket.cache_replacement(contact, k, max_per_subnet);
                return Insertion::BucketFull { to_ping: bucket.questionable(now, Self::QUESTIONABLE_AFTER) };
            }
        }
    }

    /// Returns whether the table has this contact, with the same id and address.
    #[must_use]
    pub fn contains(&self, contact: &Contact) -> bool {
        let bucket = &self.buckets[self.ranges().index(&contact.id.into())];
        bucket.entries.iter().any(|entry| entry.contact == *contact)
    }

    /// Offers an unvalidated contact. Returns whether it should be validated and inserted.
    ///
    /// If the contact's bucket is full, the contact is put in the replacement cache instead.
    pub fn offer(&mut self, contact: Contact) -> bool {
        let index = self.ranges().index(&contact.id.into());
        let may_split = index + 1 == self.buckets.len() && self.buckets.len() < MAX_BUCKET_COUNT;
        let bucket = &mut self.buckets[index];
        let has_room = contact.id != self.local_id
            && (may_split
                || bucket.entries.len() < self.k
                || bucket.position(&contact.id).is_some()
                || bucket.entries.iter().any(Entry::is_stale));
        if !has_room && contact.id != self.local_id {
            bucket.cache_replacement(contact, self.k, self.max_per_subnet);
        }
        has_room
    }

    /// Records a response of a contact. Returns whether the contact is in the table.
    pub fn mark_seen(&mut self, contact: &Contact, now: Timestamp) -> bool {
        let index = self.ranges().index(&contact.id.into());
        let bucket = &mut self.buckets[index];
        let position = bucket.entries.iter().position(|entry| entry.contact == *contact);
        if let Some(position) = position {
            bucket.mark_seen(position, now);
        }
        position.is_some()
    }

    /// Records a failed request to a contact.
    ///
    /// The contact is removed if the replacement cache has a contact for its place, or after five
    /// consecutive failures. Until then it is stale and is not returned to peers.
    pub fn mark_failed(&mut self, contact: &Contact) -> Failure {
        let index = self.ranges().index(&contact.id.into());
        let bucket = &mut self.buckets[index];
        bucket.replacements.retain(|other| other != contact);
        let position = bucket.entries.iter().position(|entry| entry.contact == *contact);
        let (is_removed, replacement) = position.map_or((false, None), |position| bucket.mark_failed(position));
        Failure { is_removed, replacement }
    }

    /// Removes the contact at an address. Returns its id.
    pub fn remove_addr(&mut self, addr: SocketAddr) -> Option<NodeId> {
        for bucket in &mut self.buckets {
            if let Some(position) = bucket.entries.iter().position(|entry| entry.contact.addr == addr) {
                return Some(bucket.entries.remove(position).contact.id);
            }
        }
        None
    }

    /// Returns the `count` contacts closest to a key, the closest first, without stale ones.
    #[must_use]
    pub fn closest(&self, key: &Key, count: usize) -> Vec<Contact> {
        self.closest_where(key, count, |entry| !entry.is_stale())
    }

    /// Returns the `count` contacts to begin a lookup with: the closest ones, followed by stale
    /// ones if there are too few others.
    #[must_use]
    pub fn closest_or_stale(&self, key: &Key, count: usize) -> Vec<Contact> {
        let mut closest = self.closest(key, count);
        let stale = self.closest_where(key, count - closest.len(), Entry::is_stale);
        closest.extend(stale);
        closest
    }

    /// Returns the number of contacts that are closer to a key than this node, at most `limit`.
    #[must_use]
    pub fn closer_count(&self, key: &Key, limit: usize) -> usize {
        let local = self.local_id.distance(key);
        self.closest(key, limit).iter().filter(|contact| contact.id.distance(key) < local).count()
    }

    /// Returns all contacts, the k-bucket farthest from this node first.
    pub fn contacts(&self) -> impl Iterator<Item = Contact> {
        self.buckets.iter().flat_map(|bucket| &bucket.entries).map(|entry| entry.contact)
    }

    /// Returns the contacts that have failed the latest request to them.
    pub fn stale_contacts(&self) -> impl Iterator<Item = Contact> {
        let entries = self.buckets.iter().flat_map(|bucket| &bucket.entries);
        entries.filter(|entry| entry.is_stale()).map(|entry| entry.contact)
    }

    /// Returns the number of contacts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buckets.iter().map(|bucket| bucket.entries.len()).sum()
    }

    /// Returns whether the table has no contacts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Records a lookup of a key, which refreshes the k-bucket that covers the key.
    pub fn mark_lookup(&mut self, key: &Key, now: Timestamp) {
        let index = self.ranges().index(key);
        self.buckets[index].last_lookup = now;
    }

    /// Returns a random key for each k-bucket that has seen no lookup for at least `after`.
    pub fn refresh_targets(&self, now: Timestamp, after: Duration, rng: &mut impl Rng) -> Vec<Key> {
        let idle = |index: &usize| now.since(self.buckets[*index].last_lookup) >= after;
        let keys = (0..self.buckets.len()).filter(idle).map(|index| self.ranges().random_key(index, rng));
        keys.collect()
    }

    /// Returns the keys that a joining node looks up to become known: a random key for each
    /// k-bucket that is farther away than the closest contact and has room (section 2.3 of the
    /// paper).
    pub fn join_targets(&self, rng: &mut impl Rng) -> Vec<Key> {
        let closest = self.closest(&self.local_id.into(), 1);
        let Some(closest) = closest.first().map(|contact| self.ranges().index(&contact.id.into())) else {
            return Vec::new();
        };
        let with_room = (0..closest).filter(|index| self.buckets[*index].entries.len() < self.k);
        with_room.map(|index| self.ranges().random_key(index, rng)).collect()
    }

    fn ranges(&self) -> BucketRanges {
        BucketRanges::new(self.local_id, self.buckets.len())
    }

    /// Splits the last bucket: contacts that share more bits with the local id than the bucket's
    /// index move to a new last bucket.
    fn split(&mut self) {
        let depth = self.buckets.len() - 1;
        let last = &mut self.buckets[depth];
        let local = Key::from(self.local_id);
        let stays = |contact: &Contact| contact.id.distance(&local).common_prefix_len() == depth;
        let mut next = Bucket { last_lookup: last.last_lookup, ..Bucket::default() };
        next.entries = last.entries.extract_if(.., |entry| !stays(&entry.contact)).collect();
        next.replacements = last.replacements.extract_if(.., |contact| !stays(contact)).collect();
        self.buckets.push(next);
    }

    fn closest_where(&self, key: &Key, count: usize, matches: impl Fn(&Entry) -> bool) -> Vec<Contact> {
        let mut closest = Vec::with_capacity(count.min(self.len()));
        let mut sorted = Vec::with_capacity(self.k.min(self.len()));
        for index in self.ranges().by_distance(key) {
            let wanted = count - closest.len();
            if wanted == 0 {
                break;
            }
            let entries = self.buckets[index].entries.iter().filter(|entry| matches(entry));
            // Computes each distance once, not once for each comparison, and moves no more of it
            // than what almost always decides.
            sorted.extend(entries.map(|entry| (entry.contact.id.distance(key).high(), entry)));
            sorted.sort_unstable_by(|(high, entry), (other_high, other)| {
                high.cmp(other_high).then_with(|| entry.contact.id.distance(key).cmp(&other.contact.id.distance(key)))
            });
            closest.extend(sorted.drain(..).take(wanted).map(|(_, entry)| entry.contact));
        }
        closest
    }
}

/// The number of prefix lengths that an id can share with the local id.
const MAX_BUCKET_COUNT: usize = 160;
