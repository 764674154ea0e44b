use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use crate::{Contact, Neighbourhood, NodeId, Timestamp};

/// Who has proven to be who it says, at the address that it says, and who is being asked.
///
/// A request proves nothing: its sender's address and id are claims. A `ping` that is answered from there with that id
/// proves both. Strangers can make us send a ping for each request of theirs, which is no larger; how many are under way
/// is limited, in all and by neighbourhood.
#[derive(Debug, Default)]
pub(crate) struct Introductions {
    proven: HashMap<SocketAddr, (NodeId, Timestamp)>,
    /// The addresses in `proven`, in the order in which they came.
    order: VecDeque<SocketAddr>,
    /// Those that wait for being asked.
    queued: HashSet<SocketAddr>,
    under_way: HashMap<Neighbourhood, usize>,
    under_way_count: usize,
}

impl Introductions {
    /// How many are remembered: beside a table of some hundred contacts, those that have no place in it and come again.
    const MAX_PROVEN: usize = 1_024;

    /// How long a proof holds: as long as a contact of the table goes unasked.
    const PROOF_HOLDS: Duration = Duration::from_secs(15 * 60);

    const MAX_UNDER_WAY: usize = 256;
    const MAX_UNDER_WAY_PER_NEIGHBOURHOOD: usize = 8;

    pub(crate) fn is_proven(&self, contact: &Contact, now: Timestamp) -> bool {
        let proven = self.proven.get(&contact.addr);
        proven.is_some_and(|(id, at)| *id == contact.id && now.since(*at) < Self::PROOF_HOLDS)
    }

    /// Notes that a contact has answered a ping.
    pub(crate) fn prove(&mut self, contact: &Contact, now: Timestamp) {
        if self.proven.insert(contact.addr, (contact.id, now)).is_none() {
            self.order.push_back(contact.addr);
        }
        if self.order.len() > Self::MAX_PROVEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.proven.remove(&oldest);
        }
    }

    /// Notes that nobody answers at an address, or somebody else.
    pub(crate) fn disprove(&mut self, addr: SocketAddr) {
        if self.proven.remove(&addr).is_some() {
            self.order.retain(|other| *other != addr);
        }
    }

    /// Notes that a stranger is going to be asked. Says whether it was not going to be yet.
    pub(crate) fn queue(&mut self, addr: SocketAddr) -> bool {
        self.queued.insert(addr)
    }

    pub(crate) fn unqueue(&mut self, addr: SocketAddr) {
        self.queued.remove(&addr);
    }

    /// Notes that a stranger is being asked. Says whether there was room; if so, [`end`](Self::end) is to follow.
    pub(crate) fn begin(&mut self, addr: SocketAddr) -> bool {
        let count = self.under_way.get(&Neighbourhood::of(addr)).copied().unwrap_or(0);
        let has_room = self.under_way_count < Self::MAX_UNDER_WAY && count < Self::MAX_UNDER_WAY_PER_NEIGHBOURHOOD;
        if has_room {
            self.under_way.insert(Neighbourhood::of(addr), count + 1);
            self.under_way_count += 1;
        }
        has_room
    }

    pub(crate) fn end(&mut self, addr: SocketAddr) {
        let neighbourhood = Neighbourhood::of(addr);
        self.under_way_count -= 1;
        if let Some(count @ 2..) = self.under_way.remove(&neighbourhood) {
            self.under_way.insert(neighbourhood, count - 1);
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
        let mut introductions = Introductions::default();
        let (known, other) = (contact(1), Contact { id: contact(2).id, ..contact(1) });
        introductions.prove(&known, NOW);
        assert!(introductions.is_proven(&known, NOW) && !introductions.is_proven(&other, NOW));
        assert!(!introductions.is_proven(&known, NOW + Introductions::PROOF_HOLDS));
        introductions.prove(&other, NOW);
        assert!(introductions.is_proven(&other, NOW) && !introductions.is_proven(&known, NOW));
        introductions.disprove(known.addr);
        assert!(!introductions.is_proven(&other, NOW));
    }

    #[test]
    fn the_oldest_proof_makes_room() {
        let mut introductions = Introductions::default();
        (0..5_000).for_each(|number| introductions.prove(&contact(number), NOW));
        assert_eq!((introductions.proven.len(), introductions.order.len()), (1_024, 1_024));
        assert!(!introductions.is_proven(&contact(0), NOW) && introductions.is_proven(&contact(4_999), NOW));
    }

    #[test]
    fn no_neighbourhood_takes_all_the_room() {
        let mut introductions = Introductions::default();
        let neighbour = |number: u8| SocketAddr::from(([203, 0, 113, number], 1));
        assert_eq!((0..100).filter(|number| introductions.begin(neighbour(*number))).count(), 8);
        assert_eq!((0..1_000).filter(|number| introductions.begin(contact(*number).addr)).count(), 248);
        introductions.end(neighbour(0));
        assert!(introductions.begin(neighbour(99)) && !introductions.begin(neighbour(98)));
        (0..8).for_each(|_| introductions.end(neighbour(0)));
        (0..248).for_each(|number| introductions.end(contact(number).addr));
        assert!(introductions.under_way.is_empty() && introductions.under_way_count == 0);
    }
}
