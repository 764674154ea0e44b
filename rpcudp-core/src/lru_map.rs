/// What is known of those that were heard of lately: a fixed number of them, after which whoever was not heard of for the
/// longest goes.
///
/// A stranger chooses the keys. They are spread by a secret, so that nobody can choose some that push one another out, and
/// looking one up takes the same time however many there are.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    /// Made as they are needed: of the many endpoints of a simulation each hears of few.
    sets: Vec<Option<Box<Set<K, V>>>>,
    set_count: usize,
    secret: u64,
    /// Counts what is looked up.
    clock: u64,
    /// Where the last was that was heard of: it often is the next as well.
    last: Place,
}

/// Which set, and where in it.
type Place = (usize, usize);

type Set<K, V> = [Option<Entry<K, V>>; WAYS];

#[derive(Clone, Copy, Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    heard: u64,
}

/// How many may be in each other's way.
const WAYS: usize = 8;

impl<K: Copy + Eq, V: Copy + Default> Recent<K, V> {
    /// Room for `capacity`, rounded up to a power of two.
    pub(crate) fn new(capacity: usize, secret: u64) -> Self {
        let set_count = capacity.div_ceil(WAYS).next_power_of_two();
        Self { sets: Vec::new(), set_count, secret, clock: 0, last: (0, 0) }
    }

    /// What is known of `key`, which `hash` tells from others.
    pub(crate) fn get(&self, key: K, hash: u64) -> Option<&V> {
        let set = self.sets.get(self.index(hash))?.as_deref()?;
        set.iter().flatten().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// What is known of `key`, which was just heard of: nothing yet, where it is new. `keeps` says of which entries others
    /// are pushed out first.
    pub(crate) fn entry(&mut self, key: K, hash: u64, keeps: impl Fn(&V) -> bool) -> &mut V {
        if !self.is_at(self.last, key) {
            self.last = self.place(key, hash, keeps);
        }
        self.clock += 1;
        let heard = self.clock;
        let (index, at) = self.last;
        let set = self.sets[index].get_or_insert_with(|| Box::new([None; WAYS]));
        let entry = set[at].get_or_insert_with(|| Entry { key, value: V::default(), heard });
        entry.heard = heard;
        &mut entry.value
    }

    fn is_at(&self, (index, at): Place, key: K) -> bool {
        let set = self.sets.get(index).and_then(Option::as_deref);
        set.is_some_and(|set| set[at].is_some_and(|entry| entry.key == key))
    }

    /// Where `key` is, or a place that is free for it now.
    fn place(&mut self, key: K, hash: u64, keeps: impl Fn(&V) -> bool) -> Place {
        if self.sets.is_empty() {
            self.sets.resize_with(self.set_count, || None);
        }
        let index = self.index(hash);
        let Some(set) = &mut self.sets[index] else { return (index, 0) };
        if let Some(at) = set.iter().position(|entry| entry.is_some_and(|entry| entry.key == key)) {
            return (index, at);
        }
        let rank = |at: &usize| set[*at].map(|entry| (keeps(&entry.value), entry.heard));
        let at = (0..WAYS).min_by_key(rank).unwrap_or_default();
        set[at] = None;
        (index, at)
    }

    fn index(&self, hash: u64) -> usize {
        mixed(hash ^ self.secret) as usize & (self.set_count - 1)
    }
}

/// A number in which each bit depends on each bit of the given one. (The finalizer of SplitMix64.)
pub(crate) fn mixed(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
impl<K, V> Recent<K, V> {
    /// How many bytes it takes when it is full.
    pub(crate) fn len_in_bytes(&self) -> usize {
        self.set_count * (size_of::<Set<K, V>>() + size_of::<Option<Box<Set<K, V>>>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_of_a_stranger_and_everything_of_a_friend() {
        let mut recent = Recent::<u64, u32>::new(64, 7);
        assert_eq!(recent.get(1, 1), None);
        *recent.entry(1, 1, |_| false) = 5;
        assert_eq!(*recent.entry(2, 2, |_| false), 0);
        assert_eq!(*recent.entry(1, 1, |_| false), 5);
        assert_eq!(recent.get(1, 1), Some(&5));
    }

    #[test]
    fn whoever_was_not_heard_of_for_the_longest_goes() {
        // One set.
        let mut recent = Recent::<u64, u64>::new(WAYS, 7);
        for key in 0..WAYS as u64 {
            *recent.entry(key, key, |_| false) = key + 1;
        }
        recent.entry(0, 0, |_| false);
        recent.entry(100, 100, |_| false);
        assert_eq!(recent.get(0, 0), Some(&1));
        assert_eq!(recent.get(1, 1), None);
        assert_eq!(recent.get(2, 2), Some(&3));
    }

    #[test]
    fn what_is_worth_keeping_stays() {
        let mut recent = Recent::<u64, u64>::new(WAYS, 7);
        *recent.entry(0, 0, |_| false) = 1;
        for key in 1..1_000 {
            recent.entry(key, key, |value| *value == 1);
        }
        assert_eq!(recent.get(0, 0), Some(&1));
    }

    #[test]
    fn memory_does_not_grow() {
        let mut recent = Recent::<u64, u64>::new(1_000, 7);
        for key in 0..100_000 {
            recent.entry(key, key, |_| false);
        }
        assert_eq!(recent.sets.len() * WAYS, 1_024);
    }
}
