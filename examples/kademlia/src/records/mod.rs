mod subnet_usage;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use subnet_usage::{Prefix, SubnetUsage};

use crate::{Key, Subnet, Timestamp};

/// The index of a node's records: which keys it stores, for which subnet, and until when.
///
/// The values are in the node's storage.
///
/// The values stored by other nodes are limited in bytes, in all and for each
/// [subnet](crate::Subnet), with twice the limit for an IPv6 /56 and four times for a /48, because
/// one attacker may have 65,536 subnets of one /48. At a limit, records of the network that has
/// stored the most are evicted in favour of one that has stored less, so that a flood evicts only
/// its own records.
/// The index does no I/O, and time is an argument.
#[derive(Clone, Debug)]
pub struct RecordIndex {
    max_len: usize,
    max_len_per_subnet: usize,
    entries: BTreeMap<Key, RecordMetadata>,
    by_expiry: BTreeSet<(Timestamp, Key)>,
    /// The records of each subnet, the first to expire first.
    by_subnet: BTreeSet<(Subnet, Timestamp, Key)>,
    usage: SubnetUsage,
    len: usize,
}

/// The metadata of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordMetadata {
    /// The length of the encoded value in bytes.
    pub len: usize,
    /// The subnet of the node that stored the value. `None` for a value that this node's own user
    /// has set, to which no limit applies.
    pub origin: Option<Subnet>,
    /// The time at which the record expires.
    pub expires_at: Timestamp,
    /// The time at which the record is republished to the k closest nodes. `None` for a cached copy
    /// at a node that is not among them.
    pub republish_at: Option<Timestamp>,
    /// Whether the record was restored from the storage, and no lookup has shown yet that the nodes
    /// closest to the key have no other value.
    pub is_restored: bool,
}

/// The result of [`RecordIndex::admit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Whether the record was added. If not, the previous record under the key stays.
    pub is_admitted: bool,
    /// The keys of evicted records, which the caller must remove from the storage.
    pub evicted: Vec<Key>,
}

impl RecordIndex {
    /// The number of bytes that a record costs besides its value: key, metadata and index entries.
    pub const OVERHEAD_LEN: usize = 200;

    /// Creates an empty index, with limits in bytes for the records of other nodes, in all and of
    /// each subnet.
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

    /// Adds a record if there is room, in place of the one under the same key.
    pub fn admit(&mut self, key: Key, metadata: RecordMetadata) -> Admission {
        let previous = self.remove(&key);
        let mut evicted = Vec::new();
        let is_admitted = self.make_room(&metadata, &mut evicted);
        if let Some(metadata) = if is_admitted { Some(metadata) } else { previous } {
            self.insert(key, metadata);
        }
        Admission { is_admitted, evicted }
    }

    /// Removes a record. Returns its metadata.
    pub fn remove(&mut self, key: &Key) -> Option<RecordMetadata> {
        let metadata = self.entries.remove(key)?;
        self.by_expiry.remove(&(metadata.expires_at, *key));
        if let Some(origin) = metadata.origin {
            self.by_subnet.remove(&(origin, metadata.expires_at, *key));
            self.usage.subtract(origin, metadata.cost());
            self.len -= metadata.cost();
        }
        Some(metadata)
    }

    /// Removes the expired records. Returns their keys.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Key> {
        let expired: Vec<_> = self.by_expiry.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| *key).collect();
        for key in &expired {
            self.remove(key);
        }
        expired
    }

    /// Returns the keys of the records that are due to be republished, and sets their next time to
    /// `next`.
    pub fn take_due(&mut self, now: Timestamp, next: Timestamp) -> Vec<Key> {
        let mut due = Vec::new();
        for (key, metadata) in &mut self.entries {
            if metadata.republish_at.is_some_and(|at| at <= now) {
                metadata.republish_at = Some(next);
                due.push(*key);
            }
        }
        due
    }

    /// Returns the metadata of a record.
    #[must_use]
    pub fn metadata(&self, key: &Key) -> Option<&RecordMetadata> {
        self.entries.get(key)
    }

    /// Returns at most `count` keys in ascending order, beginning after `after`.
    #[must_use]
    pub fn keys_after(&self, after: Option<Key>, count: usize) -> Vec<Key> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = after.map_or(Unbounded, Excluded);
        self.entries.range((start, Unbounded)).take(count).map(|(key, _)| *key).collect()
    }

    /// Returns the number of records.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of bytes that the records of other nodes take, overhead included.
    #[must_use]
    pub fn stored_len(&self) -> usize {
        self.len
    }

    /// Marks a restored record as confirmed.
    pub(crate) fn confirm(&mut self, key: &Key) {
        if let Some(metadata) = self.entries.get_mut(key) {
            metadata.is_restored = false;
        }
    }

    /// Evicts records of networks that have stored more, until the record fits. Returns whether it
    /// fits.
    fn make_room(&mut self, metadata: &RecordMetadata, evicted: &mut Vec<Key>) -> bool {
        let Some(origin) = metadata.origin else { return true };
        let cost = metadata.cost();
        if cost > self.max_len {
            return false;
        }
        let networks: Vec<_> = Prefix::of(origin).collect();
        for (index, network) in networks.iter().enumerate() {
            while self.usage.len_of(*network) + cost > self.limit(*network) {
                // The largest network in which another part has stored more than the record's own.
                let larger_part = networks[..=index].windows(2).rev().find_map(|pair| {
                    let (len, largest) = self.usage.largest_part(pair[1])?;
                    (len > self.usage.len_of(pair[0]) + cost).then_some(largest)
                });
                let Some(larger_part) = larger_part else { return false };
                let subnet = self.usage.largest_subnet(larger_part);
                let first = (subnet, Timestamp::default(), Key::from_bytes([0; crate::ID_LEN]));
                let (_, _, key) = *self.by_subnet.range(first..).next().expect("a subnet with usage has records");
                self.remove(&key);
                evicted.push(key);
            }
        }
        true
    }

    fn limit(&self, network: Prefix) -> usize {
        let limit = match network {
            Prefix::Subnet(_) => self.max_len_per_subnet,
            Prefix::V6Slash56(_) => self.max_len_per_subnet.saturating_mul(2),
            Prefix::V6Slash48(_) => self.max_len_per_subnet.saturating_mul(4),
            Prefix::All => self.max_len,
        };
        limit.min(self.max_len)
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
