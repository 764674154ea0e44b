/// A fixed-size, set-associative LRU map.
///
/// A new key in a full set evicts the least recently used entry of the set. Remote peers choose the
/// keys, and a secret determines their distribution over the sets, so a peer cannot choose keys
/// that evict one another. A lookup takes the same time at every size.
#[derive(Debug)]
pub(crate) struct LruMap<K, V> {
    /// The sets, allocated on first use: most endpoints of a simulation have few peers.
    sets: Vec<Option<Box<Set<K, V>>>>,
    set_count: usize,
    secret: u64,
    /// The number of lookups so far.
    clock: u64,
    /// The position of the entry that was used last. The next lookup is often for the same key.
    last_position: Position,
}

/// The index of a set, and the index in it.
type Position = (usize, usize);

type Set<K, V> = [Option<Entry<K, V>>; WAYS];

#[derive(Clone, Copy, Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    last_used: u64,
}

/// The number of entries in a set.
const WAYS: usize = 8;

impl<K: Copy + Eq, V: Copy + Default> LruMap<K, V> {
    /// Creates a map with room for `capacity` entries, rounded up to a power of two.
    pub(crate) fn new(capacity: usize, secret: u64) -> Self {
        let set_count = capacity.div_ceil(WAYS).next_power_of_two();
        Self { sets: Vec::new(), set_count, secret, clock: 0, last_position: (0, 0) }
    }

    /// Returns the value of `key`. `hash` is the hash of the key.
    pub(crate) fn get(&self, key: K, hash: u64) -> Option<&V> {
        let set = self.sets.get(self.index(hash))?.as_deref()?;
        set.iter().flatten().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// Returns the value of `key`, marks it as used, and inserts a default value if the key is new.
    /// Entries for which `is_protected` returns `true` are evicted only after all others of their
    /// set.
    pub(crate) fn entry(&mut self, key: K, hash: u64, is_protected: impl Fn(&V) -> bool) -> &mut V {
        self.entry_with(key, hash, is_protected, |_| V::default())
    }

    /// As [`entry`](Self::entry), but inserts the value that `create` returns. Its argument is the
    /// entry that is evicted for the new one.
    pub(crate) fn entry_with(
        &mut self,
        key: K,
        hash: u64,
        is_protected: impl Fn(&V) -> bool,
        create: impl FnOnce(Option<(K, V)>) -> V,
    ) -> &mut V {
        let mut evicted = None;
        if !self.is_at(self.last_position, key) {
            (self.last_position, evicted) = self.locate(key, hash, is_protected);
        }
        self.clock += 1;
        let last_used = self.clock;
        let (index, at) = self.last_position;
        let set = self.sets[index].get_or_insert_with(|| Box::new([None; WAYS]));
        let entry = set[at].get_or_insert_with(|| Entry { key, value: create(evicted), last_used });
        entry.last_used = last_used;
        &mut entry.value
    }

    fn is_at(&self, (index, at): Position, key: K) -> bool {
        let set = self.sets.get(index).and_then(Option::as_deref);
        set.is_some_and(|set| set[at].is_some_and(|entry| entry.key == key))
    }

    /// Returns the position of `key`, or one that it may take. If the set is full, evicts an entry
    /// and returns it as well.
    fn locate(&mut self, key: K, hash: u64, is_protected: impl Fn(&V) -> bool) -> (Position, Option<(K, V)>) {
        if self.sets.is_empty() {
            self.sets.resize_with(self.set_count, || None);
        }
        let index = self.index(hash);
        let Some(set) = &mut self.sets[index] else { return ((index, 0), None) };
        if let Some(at) = set.iter().position(|entry| entry.is_some_and(|entry| entry.key == key)) {
            return ((index, at), None);
        }
        let rank = |at: &usize| set[*at].map(|entry| (is_protected(&entry.value), entry.last_used));
        let at = (0..WAYS).min_by_key(rank).unwrap_or_default();
        let evicted = set[at].take();
        ((index, at), evicted.map(|entry| (entry.key, entry.value)))
    }

    fn index(&self, hash: u64) -> usize {
        mix(hash ^ self.secret) as usize & (self.set_count - 1)
    }
}

/// Returns a number of which each bit depends on each bit of `number`. (The finalizer of
/// SplitMix64.)
pub(crate) fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
impl<K, V> LruMap<K, V> {
    /// Returns the memory that a full map takes, in bytes.
    pub(crate) fn memory_len(&self) -> usize {
        self.set_count * (size_of::<Set<K, V>>() + size_of::<Option<Box<Set<K, V>>>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_and_start_at_the_default() {
        let mut map = LruMap::<u64, u32>::new(64, 7);
        assert_eq!(map.get(1, 1), None);
        *map.entry(1, 1, |_| false) = 5;
        assert_eq!(*map.entry(2, 2, |_| false), 0);
        assert_eq!(*map.entry(1, 1, |_| false), 5);
        assert_eq!(map.get(1, 1), Some(&5));
    }

    #[test]
    fn least_recently_used_entry_is_evicted() {
        // One set.
        let mut map = LruMap::<u64, u64>::new(WAYS, 7);
        for key in 0..WAYS as u64 {
            *map.entry(key, key, |_| false) = key + 1;
        }
        map.entry(0, 0, |_| false);
        map.entry(100, 100, |_| false);
        assert_eq!(map.get(0, 0), Some(&1));
        assert_eq!(map.get(1, 1), None);
        assert_eq!(map.get(2, 2), Some(&3));
    }

    #[test]
    fn new_value_is_created_from_the_evicted_entry() {
        let mut map = LruMap::<u64, u64>::new(WAYS, 7);
        for key in 0..WAYS as u64 {
            map.entry_with(key, key, |_| false, |evicted| evicted.map_or(key, |_| panic!("nothing is evicted yet")));
        }
        let value = *map.entry_with(100, 100, |_| false, |evicted| evicted.map_or(0, |(key, value)| key + value + 1));
        assert_eq!(value, 1, "the entry of key 0, whose value is 0");
    }

    #[test]
    fn protected_entry_is_not_evicted() {
        let mut map = LruMap::<u64, u64>::new(WAYS, 7);
        *map.entry(0, 0, |_| false) = 1;
        for key in 1..1_000 {
            map.entry(key, key, |value| *value == 1);
        }
        assert_eq!(map.get(0, 0), Some(&1));
    }

    #[test]
    fn memory_does_not_grow() {
        let mut map = LruMap::<u64, u64>::new(1_000, 7);
        for key in 0..100_000 {
            map.entry(key, key, |_| false);
        }
        assert_eq!(map.sets.len() * WAYS, 1_024);
    }
}
