use super::candidate::Candidate;
use crate::Distance;

/// The candidates of a lookup by their distance from the key.
///
/// Each response names contacts that are mostly known, the closest first. So the next one is
/// sought beside the last one before it is sought everywhere.
#[derive(Clone, Debug)]
pub(super) struct Candidates {
    /// The distance and the place in `list` of each candidate, the closest first.
    order: Vec<(Distance, usize)>,
    list: Vec<Candidate>,
    /// The position after the one that was found last.
    next: usize,
}

impl Candidates {
    /// Creates an empty set, with capacity for `expected` candidates.
    pub(super) fn with_capacity(expected: usize) -> Self {
        Self { order: Vec::with_capacity(expected), list: Vec::with_capacity(expected), next: 0 }
    }

    pub(super) fn get(&self, distance: &Distance) -> Option<&Candidate> {
        self.position(distance).ok().map(|position| &self.list[self.order[position].1])
    }

    pub(super) fn get_mut(&mut self, distance: &Distance) -> Option<&mut Candidate> {
        let position = self.position(distance).ok()?;
        self.next = position + 1;
        Some(&mut self.list[self.order[position].1])
    }

    /// Inserts a candidate, unless one with this distance is there.
    pub(super) fn insert(&mut self, distance: Distance, candidate: Candidate) {
        if let Err(position) = self.position(&distance) {
            self.order.insert(position, (distance, self.list.len()));
            self.list.push(candidate);
            self.next = position + 1;
        }
    }

    /// Returns the candidates with their distances, the closest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Distance, &Candidate)> {
        self.order.iter().map(|(distance, place)| (distance, &self.list[*place]))
    }

    /// Returns the position of a distance in the order, or the position where to insert it.
    fn position(&self, distance: &Distance) -> Result<usize, usize> {
        if self.order.get(self.next).is_some_and(|(next, _)| next == distance) {
            return Ok(self.next);
        }
        self.order.binary_search_by(|(other, _)| other.cmp(distance))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::candidate::CandidateState;
    use super::super::subnet_limits::SubnetLimits;
    use super::*;
    use crate::{Contact, Key, NodeId};

    proptest! {
        #[test]
        fn candidates_are_found_and_ordered_as_in_a_map(steps in vec((any::<bool>(), 0..30_u8, any::<u32>()), 0..200)) {
            let (mut candidates, mut map) = (Candidates::with_capacity(4), BTreeMap::new());
            let subnet = SubnetLimits::new(1, 1, 1).index_of("10.0.0.1:1".parse().unwrap());
            for (is_insert, byte, hops) in steps {
                let mut id = [0; 20];
                id[usize::from(byte) % 20] = byte;
                let contact = Contact::new(NodeId::from_bytes(id), "10.0.0.1:1".parse().unwrap());
                let distance = contact.id.distance(&Key::from_bytes([0; 20]));
                if is_insert {
                    let state = CandidateState::New;
                    candidates.insert(distance, Candidate { contact, subnet, hops, referrer: None, state });
                    map.entry(distance).or_insert(hops);
                } else {
                    prop_assert_eq!(candidates.get(&distance).map(|it| it.hops), map.get(&distance).copied());
                    let changed = candidates.get_mut(&distance).map(|it| it.hops = hops);
                    prop_assert_eq!(changed, map.get_mut(&distance).map(|it| *it = hops));
                }
            }
            prop_assert!(candidates.iter().map(|(distance, it)| (*distance, it.hops)).eq(map));
        }
    }
}
