mod shares;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use shares::Shares;

use crate::{Key, Neighbourhood, Timestamp};

/// What a node keeps for others, and for how long; the values themselves are in its storage.
///
/// What others store takes a limited number of bytes, and of these each
/// [neighbourhood](crate::Neighbourhood) a limited number. Where there is no room left, the neighbourhood that has
/// stored the most makes room for one that has stored less: a flood drives out nobody but itself. Time is an argument.
#[derive(Clone, Debug)]
pub struct Records {
    max_len: usize,
    max_len_per_neighbourhood: usize,
    entries: BTreeMap<Key, Terms>,
    by_expiry: BTreeSet<(Timestamp, Key)>,
    /// What each neighbourhood has stored, that which expires first in front.
    by_origin: BTreeSet<(Neighbourhood, Timestamp, Key)>,
    shares: Shares,
    len: usize,
}

/// The terms on which a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How many bytes it takes.
    pub len: usize,
    /// Who stored it; none for a value that this node's own user has set, to which no limit applies.
    pub origin: Option<Neighbourhood>,
    /// When it is to be forgotten.
    pub expires: Timestamp,
    /// When it is to be stored at the k nearest again; never for what lies too far from its key.
    pub republish: Option<Timestamp>,
}

/// What came of asking for room for a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Whether there is room. If there is none, what was under the key before stays.
    pub is_admitted: bool,
    /// What had to go, to be removed from the storage.
    pub evicted: Vec<Key>,
}

impl Records {
    /// What keeping a value costs beside its own bytes: its key, its terms and the indexes.
    pub const OVERHEAD_LEN: usize = 200;

    /// Nothing, with room for so many bytes of all others, and of each neighbourhood.
    #[must_use]
    pub fn new(max_len: usize, max_len_per_neighbourhood: usize) -> Self {
        Self {
            max_len,
            max_len_per_neighbourhood,
            entries: BTreeMap::new(),
            by_expiry: BTreeSet::new(),
            by_origin: BTreeSet::new(),
            shares: Shares::default(),
            len: 0,
        }
    }

    /// Takes a value in if there is room, instead of the one under the same key if there is one.
    pub fn admit(&mut self, key: Key, terms: Terms) -> Admission {
        let before = self.remove(&key);
        let mut evicted = Vec::new();
        let is_admitted = self.make_room(&terms, &mut evicted);
        if let Some(terms) = if is_admitted { Some(terms) } else { before } {
            self.put(key, terms);
        }
        Admission { is_admitted, evicted }
    }

    /// Forgets a value. Returns its terms.
    pub fn remove(&mut self, key: &Key) -> Option<Terms> {
        let terms = self.entries.remove(key)?;
        self.by_expiry.remove(&(terms.expires, *key));
        if let Some(origin) = terms.origin {
            self.by_origin.remove(&(origin, terms.expires, *key));
            self.shares.take(origin, terms.cost());
            self.len -= terms.cost();
        }
        Some(terms)
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
    pub fn republish(&mut self, now: Timestamp, again: Timestamp) -> Vec<Key> {
        let mut due = Vec::new();
        for (key, terms) in &mut self.entries {
            if terms.republish.is_some_and(|at| at <= now) {
                terms.republish = Some(again);
                due.push(*key);
            }
        }
        due
    }

    /// The terms on which a value is kept.
    #[must_use]
    pub fn terms(&self, key: &Key) -> Option<&Terms> {
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
    fn make_room(&mut self, terms: &Terms, evicted: &mut Vec<Key>) -> bool {
        let Some(origin) = terms.origin else { return true };
        let own_share = self.shares.len_of(&origin) + terms.cost();
        if own_share > self.max_len_per_neighbourhood || terms.cost() > self.max_len {
            return false;
        }
        while self.len + terms.cost() > self.max_len {
            let (share, largest) = self.shares.largest().expect("what takes room was stored by somebody");
            if share <= own_share {
                return false;
            }
            let first = (largest, Timestamp::default(), Key::from_bytes([0; crate::ID_LEN]));
            let (_, _, key) = *self.by_origin.range(first..).next().expect("a share consists of values");
            self.remove(&key);
            evicted.push(key);
        }
        true
    }

    fn put(&mut self, key: Key, terms: Terms) {
        self.by_expiry.insert((terms.expires, key));
        if let Some(origin) = terms.origin {
            self.by_origin.insert((origin, terms.expires, key));
            self.shares.add(origin, terms.cost());
            self.len += terms.cost();
        }
        self.entries.insert(key, terms);
    }
}

impl Terms {
    fn cost(&self) -> usize {
        self.len + Records::OVERHEAD_LEN
    }
}
