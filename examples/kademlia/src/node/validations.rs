use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use crate::{Contact, NodeId, Subnet, Timestamp};

/// Who has validated to be who it says, at the address that it says, and who is being asked.
///
/// A request proves nothing: its sender's address and id are claims. A `ping` that is answered from there with that id
/// proves both. Strangers can make us send a ping for each request of theirs, which is no larger; how many are under way
/// is limited, in all and by subnet.
#[derive(Debug, Default)]
pub(crate) struct Validations {
    validated: HashMap<SocketAddr, (NodeId, Timestamp)>,
    /// The addresses in `validated`, in the order in which they came.
    order: VecDeque<SocketAddr>,
    /// Those that wait for being asked.
    queued: HashSet<SocketAddr>,
    in_flight: HashMap<Subnet, usize>,
    in_flight_count: usize,
}

impl Validations {
    /// How many are remembered: beside a table of some hundred contacts, those that have no place in it and come again.
    const MAX_VALIDATED: usize = 1_024;

    /// How long a proof holds: as long as a contact of the table goes unasked.
    const VALID_FOR: Duration = Duration::from_secs(15 * 60);

    const MAX_IN_FLIGHT: usize = 256;
    const MAX_IN_FLIGHT_PER_SUBNET: usize = 8;

    pub(crate) fn is_validated(&self, contact: &Contact, now: Timestamp) -> bool {
        let validated = self.validated.get(&contact.addr);
        validated.is_some_and(|(id, at)| *id == contact.id && now.since(*at) < Self::VALID_FOR)
    }

    /// Notes that a contact has answered a ping.
    pub(crate) fn insert(&mut self, contact: &Contact, now: Timestamp) {
        if self.validated.insert(contact.addr, (contact.id, now)).is_none() {
            self.order.push_back(contact.addr);
        }
        if self.order.len() > Self::MAX_VALIDATED
            && let Some(oldest) = self.order.pop_front()
        {
            self.validated.remove(&oldest);
        }
    }

    /// Notes that nobody answers at an address, or somebody else.
    pub(crate) fn remove(&mut self, addr: SocketAddr) {
        if self.validated.remove(&addr).is_some() {
            self.order.retain(|other| *other != addr);
        }
    }

    /// Notes that a contact is going to be asked. Says whether it was not going to be yet.
    pub(crate) fn queue(&mut self, addr: SocketAddr) -> bool {
        self.queued.insert(addr)
    }

    pub(crate) fn dequeue(&mut self, addr: SocketAddr) {
        self.queued.remove(&addr);
    }

    /// Notes that a contact is being asked. Says whether there was room; if so, [`end`](Self::end) is to follow.
    pub(crate) fn begin(&mut self, addr: SocketAddr) -> bool {
        let count = self.in_flight.get(&Subnet::of(addr)).copied().unwrap_or(0);
        let has_room = self.in_flight_count < Self::MAX_IN_FLIGHT && count < Self::MAX_IN_FLIGHT_PER_SUBNET;
        if has_room {
            self.in_flight.insert(Subnet::of(addr), count + 1);
            self.in_flight_count += 1;
        }
        has_room
    }

    pub(crate) fn end(&mut self, addr: SocketAddr) {
        let subnet = Subnet::of(addr);
        self.in_flight_count -= 1;
        if let Some(count @ 2..) = self.in_flight.remove(&subnet) {
            self.in_flight.insert(subnet, count - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(0);

    fn contact(number: usize) -> Contact {
        let [.., b, c, d] = number.to_be_bytes();
        Contact::new(NodeId::from_bytes([d; 20]), SocketAddr::from(([10, b, c, d], 1)))
    }

    #[test]
    fn a_proof_is_of_an_id_at_an_address_and_holds_for_a_while() {
        let mut validations = Validations::default();
        let (known, other) = (contact(1), Contact { id: contact(2).id, ..contact(1) });
        validations.insert(&known, NOW);
        assert!(validations.is_validated(&known, NOW) && !validations.is_validated(&other, NOW));
        assert!(!validations.is_validated(&known, NOW + Validations::VALID_FOR));
        validations.insert(&other, NOW);
        assert!(validations.is_validated(&other, NOW) && !validations.is_validated(&known, NOW));
        validations.remove(known.addr);
        assert!(!validations.is_validated(&other, NOW));
    }

    #[test]
    fn the_oldest_proof_makes_room() {
        let mut validations = Validations::default();
        (0..5_000).for_each(|number| validations.insert(&contact(number), NOW));
        assert_eq!((validations.validated.len(), validations.order.len()), (1_024, 1_024));
        assert!(!validations.is_validated(&contact(0), NOW) && validations.is_validated(&contact(4_999), NOW));
    }

    #[test]
    fn no_neighbourhood_takes_all_the_room() {
        let mut validations = Validations::default();
        let neighbour = |number: u8| SocketAddr::from(([203, 0, 113, number], 1));
        assert_eq!((0..100).filter(|number| validations.begin(neighbour(*number))).count(), 8);
        assert_eq!((0..1_000).filter(|number| validations.begin(contact(*number).addr)).count(), 248);
        validations.end(neighbour(0));
        assert!(validations.begin(neighbour(99)) && !validations.begin(neighbour(98)));
        (0..8).for_each(|_| validations.end(neighbour(0)));
        (0..248).for_each(|number| validations.end(contact(number).addr));
        assert!(validations.in_flight.is_empty() && validations.in_flight_count == 0);
    }
}
