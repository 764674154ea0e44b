use std::collections::HashMap;
use std::net::SocketAddr;

use crate::Neighbourhood;

/// How many of each neighbourhood a lookup follows: those that were asked and have not failed.
#[derive(Clone, Debug)]
pub(super) struct Neighbours {
    per_neighbourhood: usize,
    per_addr: usize,
    places: HashMap<Neighbourhood, Place>,
    /// What there is at each place; a lookup asks that of many candidates at each of its steps.
    counts: Vec<Count>,
}

/// A neighbourhood that a lookup has heard of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

#[derive(Clone, Copy, Debug)]
struct Count {
    followed: usize,
    limit: usize,
}

impl Neighbours {
    /// None yet, at most so many of each, and room for as many places as are expected.
    pub(super) fn new(per_neighbourhood: usize, per_addr: usize, expected: usize) -> Self {
        let (places, counts) = (HashMap::with_capacity(expected), Vec::with_capacity(expected));
        Self { per_neighbourhood, per_addr, places, counts }
    }

    /// The place that an address is at.
    pub(super) fn place(&mut self, addr: SocketAddr) -> Place {
        let neighbourhood = Neighbourhood::of(addr);
        let limit = match neighbourhood {
            Neighbourhood::Local(_) => self.per_addr,
            Neighbourhood::V4(_) | Neighbourhood::V6(_) => self.per_neighbourhood,
        };
        *self.places.entry(neighbourhood).or_insert_with(|| {
            self.counts.push(Count { followed: 0, limit });
            Place(self.counts.len() - 1)
        })
    }

    /// Whether one more of this place may be asked.
    pub(super) fn has_room(&self, place: Place) -> bool {
        let Count { followed, limit } = self.counts[place.0];
        followed < limit
    }

    /// Notes that one of this place is asked.
    pub(super) fn enter(&mut self, place: Place) {
        self.counts[place.0].followed += 1;
    }

    /// Notes that one has failed.
    pub(super) fn leave(&mut self, place: Place) {
        self.counts[place.0].followed -= 1;
    }
}
