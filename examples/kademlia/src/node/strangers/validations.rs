use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use crate::{Contact, NodeId, Timestamp};

/// The contacts that were validated recently.
///
/// The source address and the id of a request may be forged. A response to a `ping`, from that
/// address and with that id, validates both.
#[derive(Debug, Default)]
pub(crate) struct Validations {
    validated: HashMap<SocketAddr, (NodeId, Timestamp)>,
    /// The addresses in `validated`, the oldest first.
    order: VecDeque<SocketAddr>,
}

impl Validations {
    /// The number of validated contacts that are kept. A routing table has some hundred contacts;
    /// the rest are callers without a place in it that return.
    const MAX_VALIDATED: usize = 1_024;

    /// The time for which a validation is valid, the same as `RoutingTable::QUESTIONABLE_AFTER`.
    const VALID_FOR: Duration = Duration::from_secs(15 * 60);

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
}
