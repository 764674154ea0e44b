use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use rand::{Rng, RngExt};
use tokio::sync::oneshot;

use crate::{Subnet, Timestamp};

/// The validations in flight: each holds a place until the ping has an outcome.
///
/// A validation has its place to itself for [`HELD_FOR`](Self::HELD_FOR). Afterwards it goes on
/// only as long as no other needs the place. If all are younger, a new validation replaces a random
/// one, so that a flood of forged sources cannot keep all others out. The number for each subnet is
/// limited too: there, a new validation waits until one has had its time, so that forged requests
/// make this node send no more than a few pings a second to one subnet.
#[derive(Debug)]
pub(crate) struct Places {
    max_count: usize,
    max_per_subnet: usize,
    /// The validations in the order of their start.
    places: BTreeMap<u64, Holder>,
    per_subnet: HashMap<Subnet, usize>,
    next: u64,
}

#[derive(Debug)]
struct Holder {
    subnet: Subnet,
    started: Timestamp,
    /// Dropped when the place is given up.
    _lease: oneshot::Sender<()>,
}

/// A place of a validation in flight.
#[derive(Debug)]
pub(crate) struct Place {
    /// The number with which the place is [released](Places::release).
    pub(crate) number: u64,
    /// Completes when another validation takes the place.
    pub(crate) lost: oneshot::Receiver<()>,
}

impl Places {
    /// The time for which a validation has its place to itself: a round trip around the world.
    pub(crate) const HELD_FOR: Duration = Duration::from_millis(300);

    /// The default limit for one subnet: 27 pings a second to sources that do not respond.
    pub(crate) const MAX_PER_SUBNET: usize = 8;

    pub(crate) fn new(max_count: usize, max_per_subnet: usize) -> Self {
        Self { max_count, max_per_subnet, places: BTreeMap::new(), per_subnet: HashMap::new(), next: 0 }
    }

    /// Takes a place, if necessary that of another validation. Returns `None` if the subnet has no
    /// place to spare.
    pub(crate) fn acquire(&mut self, addr: SocketAddr, now: Timestamp, rng: &mut impl Rng) -> Option<Place> {
        let subnet = Subnet::of(addr);
        if self.per_subnet.get(&subnet).is_some_and(|count| *count >= self.max_per_subnet) {
            let mut of_subnet = self.places.iter().filter(|(_, holder)| holder.subnet == subnet);
            let (&oldest, holder) = of_subnet.next()?;
            if now.since(holder.started) < Self::HELD_FOR {
                return None;
            }
            self.release(oldest);
        } else if self.places.len() >= self.max_count {
            let (&oldest, holder) = self.places.first_key_value()?;
            let replaced = if now.since(holder.started) < Self::HELD_FOR {
                let from = rng.random_range(oldest..self.next);
                self.places.range(from..).next().map_or(oldest, |(number, _)| *number)
            } else {
                oldest
            };
            self.release(replaced);
        }
        let (lease, lost) = oneshot::channel();
        let number = self.next;
        self.next += 1;
        self.places.insert(number, Holder { subnet, started: now, _lease: lease });
        *self.per_subnet.entry(subnet).or_default() += 1;
        Some(Place { number, lost })
    }

    /// Gives a place back. No effect if another validation has taken it.
    pub(crate) fn release(&mut self, number: u64) {
        let Some(Holder { subnet, .. }) = self.places.remove(&number) else { return };
        if let Some(count @ 2..) = self.per_subnet.remove(&subnet) {
            self.per_subnet.insert(subnet, count - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(0);

    fn addr(number: u32) -> SocketAddr {
        SocketAddr::from(((0x1000_0000 + number * 256).to_be_bytes(), 1))
    }

    #[test]
    fn a_validation_gives_its_place_up_after_300_ms_if_another_needs_it() {
        let (mut places, mut rng) = (Places::new(4, 8), StdRng::seed_from_u64(1));
        let mut held: Vec<_> = (0..4).map(|number| places.acquire(addr(number), NOW, &mut rng).unwrap()).collect();
        let later = NOW + Places::HELD_FOR;
        assert!(held.iter_mut().all(|place| place.lost.try_recv() == Err(oneshot::error::TryRecvError::Empty)));
        for place in &mut held {
            places.acquire(addr(9), later, &mut rng).unwrap();
            assert_eq!(place.lost.try_recv(), Err(oneshot::error::TryRecvError::Closed), "the oldest goes first");
        }
        assert_eq!(places.places.len(), 4);
    }

    #[test]
    fn a_flood_replaces_random_validations() {
        let (mut places, mut rng) = (Places::new(100, 8), StdRng::seed_from_u64(1));
        let mut held: Vec<_> = (0..100).map(|number| places.acquire(addr(number), NOW, &mut rng).unwrap()).collect();
        for number in 100..150 {
            places.acquire(addr(number), NOW, &mut rng).unwrap();
        }
        let kept = held.iter_mut().filter_map(|place| place.lost.try_recv().err());
        let kept = kept.filter(|error| *error == oneshot::error::TryRecvError::Empty).count();
        // Each of the 50 replaces one in a hundred.
        assert!((50..75).contains(&kept), "{kept}");
        assert_eq!(places.places.len(), 100);
    }

    #[test]
    fn one_subnet_has_few_places_and_each_for_300_ms() {
        let (mut places, mut rng) = (Places::new(256, 8), StdRng::seed_from_u64(1));
        let in_one_subnet = |number: u8| SocketAddr::from(([203, 0, 113, number], 1));
        let held: Vec<_> = (0..100).filter_map(|number| places.acquire(in_one_subnet(number), NOW, &mut rng)).collect();
        assert_eq!(held.len(), 8);
        let later = NOW + Places::HELD_FOR;
        assert_eq!(
            (0..100).filter(|number| places.acquire(in_one_subnet(*number), later, &mut rng).is_some()).count(),
            8
        );
        held.iter().for_each(|place| places.release(place.number));
        assert_eq!(places.places.len(), 8, "a place that was lost is not given back twice");
        let numbers: Vec<_> = places.places.keys().copied().collect();
        numbers.into_iter().for_each(|number| places.release(number));
        assert!(places.per_subnet.is_empty() && places.places.is_empty());
    }
}
