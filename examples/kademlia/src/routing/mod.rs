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

/// Whom a node knows: many that are near its own id, few that are far.
///
/// Buckets of at most k contacts. The first holds those whose id differs from ours in the first bit, the second those
/// that share one bit with us, and so on; the last holds all that share more, and is split when it is full. Time is an
/// argument, and nothing is sent from here: what is to be asked is returned.
///
/// Only contacts that have proven who and where they are belong in it. A full bucket keeps its old contacts, which are
/// likelier to stay than new ones (section 2.4 of the paper), for as long as they answer.
#[derive(Clone, Debug)]
pub struct RoutingTable {
    local_id: NodeId,
    k: usize,
    max_per_subnet: usize,
    buckets: Vec<Bucket>,
}

impl RoutingTable {
    /// A contact that has been heard of within this is not asked whether it is still there.
    const QUESTIONABLE_AFTER: Duration = Duration::from_secs(15 * 60);

    /// An empty table of the node `own`, with k contacts in a bucket and so many of one
    /// [subnet](crate::Subnet).
    #[must_use]
    pub fn new(local_id: NodeId, k: usize, max_per_subnet: usize, now: Timestamp) -> Self {
        let bucket = Bucket { last_lookup: now, ..Bucket::default() };
        Self { local_id, k, max_per_subnet, buckets: vec![bucket] }
    }

    /// Inserts a contact that has just proven who and where it is.
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
                let silent =
                    bucket.positions_in_subnet(contact.addr).find(|position| bucket.entries[*position].is_stale());
                let Some(silent) = silent else { return Insertion::SubnetFull };
                bucket.entries.remove(silent);
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

    /// Whether this contact is in the table, at this address.
    #[must_use]
    pub fn contains(&self, contact: &Contact) -> bool {
        let bucket = &self.buckets[self.ranges().index(&contact.id.into())];
        bucket.entries.iter().any(|entry| entry.contact == *contact)
    }

    /// Whether it is worth asking a stranger who it is. If its bucket is full it is not; it is remembered then.
    pub fn offer(&mut self, stranger: Contact) -> bool {
        let index = self.ranges().index(&stranger.id.into());
        let may_split = index + 1 == self.buckets.len() && self.buckets.len() < MAX_BUCKET_COUNT;
        let bucket = &mut self.buckets[index];
        let is_wanted = stranger.id != self.local_id
            && (may_split
                || bucket.entries.len() < self.k
                || bucket.position(&stranger.id).is_some()
                || bucket.entries.iter().any(Entry::is_stale));
        if !is_wanted && stranger.id != self.local_id {
            bucket.cache_replacement(stranger, self.k, self.max_per_subnet);
        }
        is_wanted
    }

    /// Notes that a contact has answered. Says whether it is in the table.
    pub fn mark_seen(&mut self, contact: &Contact, now: Timestamp) -> bool {
        let index = self.ranges().index(&contact.id.into());
        let bucket = &mut self.buckets[index];
        let position = bucket.entries.iter().position(|entry| entry.contact == *contact);
        if let Some(position) = position {
            bucket.mark_seen(position, now);
        }
        position.is_some()
    }

    /// Notes that a contact has not answered. It leaves the table if there is another to take its place, or if it has
    /// been silent several times; until then it is a stale: nobody is told of it.
    pub fn mark_failed(&mut self, contact: &Contact) -> Failure {
        let index = self.ranges().index(&contact.id.into());
        let bucket = &mut self.buckets[index];
        bucket.replacements.retain(|other| other != contact);
        let position = bucket.entries.iter().position(|entry| entry.contact == *contact);
        let (is_removed, replacement) = position.map_or((false, None), |position| bucket.mark_failed(position));
        Failure { is_removed, replacement }
    }

    /// Forgets whoever is at this address, if somebody is.
    pub fn remove_addr(&mut self, addr: SocketAddr) -> Option<NodeId> {
        for bucket in &mut self.buckets {
            if let Some(position) = bucket.entries.iter().position(|entry| entry.contact.addr == addr) {
                return Some(bucket.entries.remove(position).contact.id);
            }
        }
        None
    }

    /// The contacts nearest to a key, the nearest first, at most so many; stale are left out.
    #[must_use]
    pub fn closest(&self, key: &Key, count: usize) -> Vec<Contact> {
        self.closest_where(key, count, |entry| !entry.is_stale())
    }

    /// The same, with stale where there are not enough others: where to begin a lookup.
    #[must_use]
    pub fn closest_or_stale(&self, key: &Key, count: usize) -> Vec<Contact> {
        let mut closest = self.closest(key, count);
        let stale = self.closest_where(key, count - closest.len(), Entry::is_stale);
        closest.extend(stale);
        closest
    }

    /// How many contacts are nearer to a key than we are, counted up to `limit`.
    #[must_use]
    pub fn closer_count(&self, key: &Key, limit: usize) -> usize {
        let own = self.local_id.distance(key);
        self.closest(key, limit).iter().filter(|contact| contact.id.distance(key) < own).count()
    }

    /// All contacts, those far from us first.
    pub fn contacts(&self) -> impl Iterator<Item = Contact> {
        self.buckets.iter().flat_map(|bucket| &bucket.entries).map(|entry| entry.contact)
    }

    /// Those that did not answer when they were last asked.
    pub fn stale_contacts(&self) -> impl Iterator<Item = Contact> {
        let entries = self.buckets.iter().flat_map(|bucket| &bucket.entries);
        entries.filter(|entry| entry.is_stale()).map(|entry| entry.contact)
    }

    /// How many contacts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buckets.iter().map(|bucket| bucket.entries.len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Notes that a lookup goes through the bucket of this key.
    pub fn mark_lookup(&mut self, key: &Key, now: Timestamp) {
        let index = self.ranges().index(key);
        self.buckets[index].last_lookup = now;
    }

    /// A random key in each bucket that no lookup went through for so long.
    pub fn refresh_targets(&self, now: Timestamp, after: Duration, rng: &mut impl Rng) -> Vec<Key> {
        let idle = |index: &usize| now.since(self.buckets[*index].last_lookup) >= after;
        let keys = (0..self.buckets.len()).filter(idle).map(|index| self.ranges().random_key(index, rng));
        keys.collect()
    }

    /// A random key in each bucket that is farther from us than our nearest neighbour and has room: what a newcomer
    /// looks up to make itself known (section 2.3 of the paper).
    pub fn join_targets(&self, rng: &mut impl Rng) -> Vec<Key> {
        let nearest = self.closest(&self.local_id.into(), 1);
        let Some(nearest) = nearest.first().map(|contact| self.ranges().index(&contact.id.into())) else {
            return Vec::new();
        };
        let with_room = (0..nearest).filter(|index| self.buckets[*index].entries.len() < self.k);
        with_room.map(|index| self.ranges().random_key(index, rng)).collect()
    }

    fn ranges(&self) -> BucketRanges {
        BucketRanges::new(self.local_id, self.buckets.len())
    }

    /// Takes those out of the last bucket that share no more bits with us than its number says.
    fn split(&mut self) {
        let depth = self.buckets.len() - 1;
        let last = &mut self.buckets[depth];
        let own = Key::from(self.local_id);
        let stays = |contact: &Contact| contact.id.distance(&own).common_prefix_len() == depth;
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
            // The distances once, and not for each comparison.
            sorted.extend(entries.map(|entry| (entry.contact.id.distance(key), entry)));
            sorted.sort_unstable_by_key(|(distance, _)| *distance);
            closest.extend(sorted.drain(..).take(wanted).map(|(_, entry)| entry.contact));
        }
        closest
    }
}

/// One for each number of bits that an id can have in common with ours.
const MAX_BUCKET_COUNT: usize = 160;
