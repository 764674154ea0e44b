mod bucket;
mod bucket_ranges;
mod outcome;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use bucket::{Bucket, Entry};
use bucket_ranges::BucketRanges;
pub use outcome::{Insertion, Silence};
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
    own: NodeId,
    k: usize,
    per_neighbourhood: usize,
    buckets: Vec<Bucket>,
}

impl RoutingTable {
    /// A contact that has been heard of within this is not asked whether it is still there.
    const QUESTIONABLE_AFTER: Duration = Duration::from_secs(15 * 60);

    /// An empty table of the node `own`, with k contacts in a bucket and so many of one
    /// [neighbourhood](crate::Neighbourhood).
    #[must_use]
    pub fn new(own: NodeId, k: usize, per_neighbourhood: usize, now: Timestamp) -> Self {
        let bucket = Bucket { touched: now, ..Bucket::default() };
        Self { own, k, per_neighbourhood, buckets: vec![bucket] }
    }

    /// Inserts a contact that has just proven who and where it is.
    pub fn insert(&mut self, contact: Contact, now: Timestamp) -> Insertion {
        if contact.id == self.own {
            return Insertion::Own;
        }
        let index = self.ranges().index(&contact.id.into());
        if let Some(position) = self.buckets[index].position(&contact.id) {
            let by = self.buckets[index].entries[position].contact;
            if by.addr != contact.addr {
                return Insertion::Taken { by };
            }
            self.buckets[index].saw(position, now);
            return Insertion::Known;
        }
        let instead = self.remove_addr(contact.addr);
        loop {
            let index = self.ranges().index(&contact.id.into());
            let may_split = index + 1 == self.buckets.len() && self.buckets.len() < MAX_BUCKET_COUNT;
            let (k, per_neighbourhood) = (self.k, self.per_neighbourhood);
            let bucket = &mut self.buckets[index];
            if bucket.neighbours(contact.addr).count() >= per_neighbourhood {
                let silent = bucket.neighbours(contact.addr).find(|position| bucket.entries[*position].is_suspect());
                let Some(silent) = silent else { return Insertion::Crowded };
                bucket.entries.remove(silent);
            }
            let suspect = bucket.entries.iter().position(Entry::is_suspect);
            if bucket.entries.len() < k {
                bucket.put(contact, now);
                return Insertion::Added { instead };
            } else if may_split {
                self.split();
            } else if let Some(suspect) = suspect {
                bucket.entries.remove(suspect);
                bucket.put(contact, now);
                return Insertion::Added { instead };
            } else {
                bucket.remember(contact, k, per_neighbourhood);
                return Insertion::Full { ask: bucket.questionable(now, Self::QUESTIONABLE_AFTER) };
            }
        }
    }

    /// Whether this contact is in the table, at this address.
    #[must_use]
    pub fn knows(&self, contact: &Contact) -> bool {
        let bucket = &self.buckets[self.ranges().index(&contact.id.into())];
        bucket.entries.iter().any(|entry| entry.contact == *contact)
    }

    /// Whether it is worth asking a stranger who it is. If its bucket is full it is not; it is remembered then.
    pub fn wants(&mut self, stranger: Contact) -> bool {
        let index = self.ranges().index(&stranger.id.into());
        let may_split = index + 1 == self.buckets.len() && self.buckets.len() < MAX_BUCKET_COUNT;
        let bucket = &mut self.buckets[index];
        let is_wanted = stranger.id != self.own
            && (may_split
                || bucket.entries.len() < self.k
                || bucket.position(&stranger.id).is_some()
                || bucket.entries.iter().any(Entry::is_suspect));
        if !is_wanted && stranger.id != self.own {
            bucket.remember(stranger, self.k, self.per_neighbourhood);
        }
        is_wanted
    }

    /// Notes that a contact has answered. Says whether it is in the table.
    pub fn answered(&mut self, contact: &Contact, now: Timestamp) -> bool {
        let index = self.ranges().index(&contact.id.into());
        let bucket = &mut self.buckets[index];
        let position = bucket.entries.iter().position(|entry| entry.contact == *contact);
        if let Some(position) = position {
            bucket.saw(position, now);
        }
        position.is_some()
    }

    /// Notes that a contact has not answered. It leaves the table if there is another to take its place, or if it has
    /// been silent several times; until then it is a suspect: nobody is told of it.
    pub fn silent(&mut self, contact: &Contact) -> Silence {
        let index = self.ranges().index(&contact.id.into());
        let bucket = &mut self.buckets[index];
        bucket.replacements.retain(|other| other != contact);
        let position = bucket.entries.iter().position(|entry| entry.contact == *contact);
        let (is_gone, replacement) = position.map_or((false, None), |position| bucket.silent(position));
        Silence { is_gone, replacement }
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

    /// The contacts nearest to a key, the nearest first, at most so many; suspects are left out.
    #[must_use]
    pub fn closest(&self, key: &Key, count: usize) -> Vec<Contact> {
        self.closest_where(key, count, |entry| !entry.is_suspect())
    }

    /// The same, with suspects where there are not enough others: where to begin a lookup.
    #[must_use]
    pub fn closest_or_suspect(&self, key: &Key, count: usize) -> Vec<Contact> {
        let mut closest = self.closest(key, count);
        let suspects = self.closest_where(key, count - closest.len(), Entry::is_suspect);
        closest.extend(suspects);
        closest
    }

    /// How many contacts are nearer to a key than we are, counted up to `limit`.
    #[must_use]
    pub fn nearer_than_we(&self, key: &Key, limit: usize) -> usize {
        let own = self.own.distance(key);
        self.closest(key, limit).iter().filter(|contact| contact.id.distance(key) < own).count()
    }

    /// All contacts, those far from us first.
    pub fn contacts(&self) -> impl Iterator<Item = Contact> {
        self.buckets.iter().flat_map(|bucket| &bucket.entries).map(|entry| entry.contact)
    }

    /// Those that did not answer when they were last asked.
    pub fn suspects(&self) -> impl Iterator<Item = Contact> {
        let entries = self.buckets.iter().flat_map(|bucket| &bucket.entries);
        entries.filter(|entry| entry.is_suspect()).map(|entry| entry.contact)
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
    pub fn touch(&mut self, key: &Key, now: Timestamp) {
        let index = self.ranges().index(key);
        self.buckets[index].touched = now;
    }

    /// A random key in each bucket that no lookup went through for so long.
    pub fn idle(&self, now: Timestamp, after: Duration, rng: &mut impl Rng) -> Vec<Key> {
        let idle = |index: &usize| now.since(self.buckets[*index].touched) >= after;
        let keys = (0..self.buckets.len()).filter(idle).map(|index| self.ranges().random_key(index, rng));
        keys.collect()
    }

    /// A random key in each bucket that is farther from us than our nearest neighbour and has room: what a newcomer
    /// looks up to make itself known (section 2.3 of the paper).
    pub fn beyond_the_nearest(&self, rng: &mut impl Rng) -> Vec<Key> {
        let nearest = self.closest(&self.own.into(), 1);
        let Some(nearest) = nearest.first().map(|contact| self.ranges().index(&contact.id.into())) else {
            return Vec::new();
        };
        let with_room = (0..nearest).filter(|index| self.buckets[*index].entries.len() < self.k);
        with_room.map(|index| self.ranges().random_key(index, rng)).collect()
    }

    fn ranges(&self) -> BucketRanges {
        BucketRanges::new(self.own, self.buckets.len())
    }

    /// Takes those out of the last bucket that share no more bits with us than its number says.
    fn split(&mut self) {
        let depth = self.buckets.len() - 1;
        let last = &mut self.buckets[depth];
        let own = Key::from(self.own);
        let stays = |contact: &Contact| contact.id.distance(&own).common_bits() == depth;
        let mut next = Bucket { touched: last.touched, ..Bucket::default() };
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
