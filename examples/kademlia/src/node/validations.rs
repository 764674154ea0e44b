use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use crate::{Contact, NodeId, Subnet, Timestamp};

/// The contacts that were validated recently, and the validations in progress.
///
/// The source address and the id of a request may be forged. A response to a `ping`, from that
/// address and with that id, validates both. A request makes this node send at most one ping, which
/// is no larger than the request; the number of pings in flight is limited, in all and for each
/// subnet.
#[derive(Debug, Default)]
pub(crate) struct Validations {
    validated: HashMap<SocketAddr, (NodeId, Timestamp)>,
    /// The addresses in `validated`, the oldest first.
    order: VecDeque<SocketAddr>,
    /// The addresses with a queued check.
    queued: HashSet<SocketAddr>,
    in_flight: HashMap<Subnet, usize>,
    in_flight_count: usize,
}

impl Validations {
    /// The number of validated contacts that are kept. A routing table has some hundred contacts;
    /// the rest are callers without a place in it that return.
    const MAX_VALIDATED: usize = 1_024;

    /// The time for which a validation is valid, the same as `RoutingTable::QUESTIONABLE_AFTER`.
    const VALID_FOR: Duration = Duration::from_secs(15 * 60);

    const MAX_IN_FLIGHT: usize = 256;
    const MAX_IN_FLIGHT_PER_SUBNET: usize = 8;

    pub(crate) fn is_validated(&self, contact: &Contact, now: Timestamp) -> bool {
        let validated = self.validated.get(&contact.addr);
        validated.is_some_and(|(id, at)| *id == contact.id && now.since(*at) < Self::VALID_FOR)
    }

    /// Records a contact that has responded to a ping with its id.
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

    /// Forgets the contact at an address that did not respond, or has another id.
    pub(crate) fn remove(&mut self, addr: SocketAddr) {
        if self.validated.remove(&addr).is_some() {
            self.order.retain(|other| *other != addr);
        }
    }

    /// Records a queued check. Returns `false` if the address already has one.
    pub(crate) fn queue(&mut self, addr: SocketAddr) -> bool {
        self.queued.insert(addr)
    }

    pub(crate) fn dequeue(&mut self, addr: SocketAddr) {
        self.queued.remove(&addr);
    }

    /// Counts a ping in flight. Returns `false` if there are too many; otherwise the caller must
    /// call [`end`](Self::end) later.
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
    fn a_validation_covers_an_id_at_an_address_and_expires() {
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
    fn the_oldest_validation_is_evicted() {
        let mut validations = Validations::default();
        (0..5_000).for_each(|number| validations.insert(&contact(number), NOW));
        assert_eq!((validations.validated.len(), validations.order.len()), (1_024, 1_024));
        assert!(!validations.is_validated(&contact(0), NOW) && validations.is_validated(&contact(4_999), NOW));
    }

    #[test]
    fn one_subnet_cannot_take_all_pings_in_flight() {
        let mut validations = Validations::default();
        let in_one_subnet = |number: u8| SocketAddr::from(([203, 0, 113, number], 1));
        assert_eq!((0..100).filter(|number| validations.begin(in_one_subnet(*number))).count(), 8);
        assert_eq!((0..1_000).filter(|number| validations.begin(contact(*number).addr)).count(), 248);
        validations.end(in_one_subnet(0));
        assert!(validations.begin(in_one_subnet(99)) && !validations.begin(in_one_subnet(98)));
        (0..8).for_each(|_| validations.end(in_one_subnet(0)));
        (0..248).for_each(|number| validations.end(contact(number).addr));
        assert!(validations.in_flight.is_empty() && validations.in_flight_count == 0);
    }
}
