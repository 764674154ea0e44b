use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;

use rand::{Rng, RngExt};

use crate::Contact;

/// The queue of contacts that wait for their validation.
///
/// At its limit, a new contact replaces a random one, so that a flood of forged contacts cannot
/// keep all others out.
#[derive(Debug, Default)]
pub(crate) struct Introductions {
    queue: VecDeque<Contact>,
    /// The addresses in `queue`. Each has one place at most.
    addrs: HashSet<SocketAddr>,
}

impl Introductions {
    const MAX_QUEUED: usize = 256;

    /// Adds a contact, unless its address is queued. Returns whether another contact was replaced.
    pub(crate) fn push(&mut self, contact: Contact, rng: &mut impl Rng) -> bool {
        if !self.addrs.insert(contact.addr) {
            return false;
        }
        if self.queue.len() < Self::MAX_QUEUED {
            self.queue.push_back(contact);
            return false;
        }
        let replaced = &mut self.queue[rng.random_range(0..Self::MAX_QUEUED)];
        self.addrs.remove(&replaced.addr);
        *replaced = contact;
        true
    }

    /// Removes the contact that has waited longest.
    pub(crate) fn pop(&mut self) -> Option<Contact> {
        let contact = self.queue.pop_front()?;
        self.addrs.remove(&contact.addr);
        Some(contact)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::NodeId;

    #[test]
    fn a_flood_replaces_random_contacts_and_the_queue_is_bounded() {
        let (mut introductions, mut rng) = (Introductions::default(), StdRng::seed_from_u64(1));
        let contact =
            |number: u32| Contact::new(NodeId::from_bytes([1; 20]), SocketAddr::from((number.to_be_bytes(), 1)));
        let replaced = (0..512).filter(|number| introductions.push(contact(*number), &mut rng)).count();
        assert_eq!((replaced, introductions.queue.len(), introductions.addrs.len()), (256, 256, 256));
        assert!(!introductions.push(introductions.queue[7], &mut rng), "an address is queued once");
        let left: Vec<_> = std::iter::from_fn(|| introductions.pop()).collect();
        // As many as the flood are left of the first contacts: each has survived with one in e.
        let first = left.iter().filter(|left| (0..256).any(|number| contact(number) == **left)).count();
        assert!((60..140).contains(&first), "{first} of 256");
        assert!(introductions.addrs.is_empty());
    }
}
