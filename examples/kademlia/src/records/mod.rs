mod subnet_usage;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use subnet_usage::SubnetUsage;

use crate::{Key, Subnet, Timestamp};

/// What a node keeps for others, and for how long; the values themselves are in its storage.
///
/// What others store takes a limited number of bytes, and of these each
/// [subnet](crate::Subnet) a limited number. Where there is no room left, the subnet that has
/// stored the most makes room for one that has stored less: a flood drives out nobody but itself. Time is an argument.
#[derive(Clone, Debug)]
pub struct RecordIndex {
    max_len: usize,
    max_len_per_subnet: usize,
    entries: BTreeMap<Key, RecordMetadata>,
    by_expiry: BTreeSet<(Timestamp, Key)>,
    /// What each subnet has stored, that which expires_at first in front.
    by_subnet: BTreeSet<(Subnet, Timestamp, Key)>,
    usage: SubnetUsage,
    len: usize,
}

/// The metadata on which a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordMetadata {
    /// How many bytes it takes.
    pub len: usize,
    /// Who stored it; none for a value that this node's own user has set, to which no limit applies.
    pub origin: Option<Subnet>,
    /// When it is to be forgotten.
    pub expires_at: Timestamp,
    /// When it is to be stored at the k nearest again; never for what lies too far from its key.
    pub republish_at: Option<Timestamp>,
}

/// What came of asking for room for a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Whether there is room. If there is none, what was under the key before stays.
    pub is_admitted: bool,
    /// What had to go, to be removed from the storage.
    pub evicted: Vec<Key>,
}

impl RecordIndex {
    /// What keeping a value costs beside its own bytes: its key, its metadata and the indexes.
    pub const OVERHEAD_LEN: usize = 200;

    /// Nothing, with room for so many bytes of all others, and of each subnet.
    #[must_use]
    pub fn new(max_len: usize, max_len_per_subnet: usize) -> Self {
        Self {
            max_len,
            max_len_per_subnet,
            entries: BTreeMap::new(),
            by_expiry: BTreeSet::new(),
            by_subnet: BTreeSet::new(),
            usage: SubnetUsage::default(),
            len: 0,
        }
    }

    /// Takes a value in if there is room, instead of the one under the same key if there is one.
    pub fn admit(&mut self, key: Key, metadata: RecordMetadata) -> Admission {
        let before = self.remove(&key);
        let mut evicted = Vec::new();
        let is_admitted = self.make_room(&metadata, &mut evicted);
        if let Some(metadata) = if is_admitted { Some(metadata) } else { before } {
            self.insert(key, metadata);
        }
        Admission { is_admitted, evicted }
    }

    /// Forgets a value. Returns its metadata.
    pub fn remove(&mut self, key: &Key) -> Option<RecordMetadata> {
        let metadata = self.entries.remove(key)?;
        self.by_expiry.remove(&(metadata.expires_at, *key));
        if let Some(origin) = metadata.origin {
            self.by_subnet.remove(&(origin, metadata.expires_at, *key));
            self.usage.take(origin, metadata.cost());
            self.len -= metadata.cost();
        }
        Some(metadata)
    }

    /// Forgets what has expired, and returns it.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Key> {
        let expired: Vec<_> = self.by_expiry.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| *key).collect();
        for key in &expired {
            self.remove(key);
        }
        expired
    }

    /// What is to be stored at the k nearest again. Each is returned once, and then when `again` has come.
    pub fn take_due_for_republish(&mut self, now: Timestamp, again: Timestamp) -> Vec<Key> {
        let mut due = Vec::new();
        for (key, metadata) in &mut self.entries {
            if metadata.republish_at.is_some_and(|at| at <= now) {
                metadata.republish_at = Some(again);
                due.push(*key);
            }
        }
        due
    }

    /// The metadata on which a value is kept.
    #[must_use]
    pub fn metadata(&self, key: &Key) -> Option<&RecordMetadata> {
        self.entries.get(key)
    }

    /// At most so many keys, in their order, from the one after `after`.
    #[must_use]
    pub fn keys_after(&self, after: Option<Key>, count: usize) -> Vec<Key> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = after.map_or(Unbounded, Excluded);
        self.entries.range((start, Unbounded)).take(count).map(|(key, _)| *key).collect()
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes the values take that others have stored, overhead included.
    #[must_use]
    pub fn stored_len(&self) -> usize {
        self.len
    }

    /// Forgets as much as it takes of those who have stored more. Says whether there is room now.
    fn make_room(&mut self, metadata: &RecordMetadata, evicted: &mut Vec<Key>) -> bool {
        let Some(origin) = metadata.origin else { return true };
        let own_share = self.usage.len_of(&origin) + metadata.cost();
        if own_share > self.max_len_per_subnet || metadata.cost() > self.max_len {
            return false;
        }
        while self.len + metadata.cost() > self.max_len {
            let (share, largest) = self.usage.largest().expect("what takes room was stored by somebody");
            if share <= own_share {
                return false;
            }
            let first = (largest, Timestamp::default(), Key::from_bytes([0; crate::ID_LEN]));
            let (_, _, key) = *self.by_subnet.range(first..).next().expect("a share consists of values");
            self.remove(&key);
            evicted.push(key);
        }
        true
    }

    fn insert(&mut self, key: Key, metadata: RecordMetadata) {
        self.by_expiry.insert((metadata.expires_at, key));
        if let Some(origin) = metadata.origin {
            self.by_subnet.insert((origin, metadata.expires_at, key));
            self.usage.add(origin, metadata.cost());
            self.len += metadata.cost();
        }
        self.entries.insert(key, metadata);
    }
}

impl RecordMetadata {
    fn cost(&self) -> usize {
        self.len + RecordIndex::OVERHEAD_LEN
    }
}
