use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use crate::frame::checksum;
use crate::limits::HEADER_LEN;
use crate::lru_map::mix;
use crate::{MessageId, Request};

/// The key by which [`StoredResponses`](crate::StoredResponses) recognizes the duplicates of a
/// request.
///
/// It has the message id and a hash of everything after the id. If the request contains the
/// caller's remaining time, its message id has 128 random bits, and the key is the same from every
/// address: a caller may get another address between two transmissions, for example if a NAT
/// rebinds. Other requests may have weak ids, so their key also depends on the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestKey {
    pub(super) identity: Identity,
    /// A hash of the sender.
    pub(super) sender: u64,
}

/// The part of a key that a request and its duplicates have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    id: MessageId,
    /// A hash of the sender, or [`RequestKey::ANY_SENDER`].
    sender: u64,
    content: u64,
}

impl RequestKey {
    const ANY_SENDER: u64 = 0;

    /// Returns the key of a request. `datagram` is the whole of it, and `secret` is a random number
    /// of the endpoint, so that no peer can choose requests with equal hashes.
    ///
    /// # Panics
    ///
    /// Panics if the datagram is shorter than a header.
    #[must_use]
    pub fn new(request: &Request<'_>, datagram: &[u8], sender: SocketAddr, secret: u64) -> Self {
        // Differs from `ANY_SENDER`.
        let sender = hash_of_addr(sender, secret) | 1;
        let content = hash(&datagram[HEADER_LEN..], secret);
        let scope = if request.remaining.is_some() { Self::ANY_SENDER } else { sender };
        Self { identity: Identity { id: request.id, sender: scope, content }, sender }
    }

    /// Returns the key that depends on the sender even if the request contains the remaining time.
    /// For a sender with a proven identity, which is the same at every address.
    #[must_use]
    pub fn of_its_sender(mut self) -> Self {
        self.identity.sender = self.sender;
        self
    }

    /// Returns the range of all requests with the same id.
    pub(super) fn same_id(self) -> RangeInclusive<Identity> {
        let Identity { id, .. } = self.identity;
        let bound = |number| Identity { id, sender: number, content: number };
        bound(0)..=bound(u64::MAX)
    }

    /// Returns the range of requests with the same id that are of the same sender alone.
    pub(super) fn same_id_and_sender(self) -> RangeInclusive<Identity> {
        let Self { identity: Identity { id, .. }, sender } = self;
        let bound = |content| Identity { id, sender, content };
        bound(0)..=bound(u64::MAX)
    }

    /// Returns the key of another request.
    #[cfg(test)]
    pub(super) fn renumbered(self, content: u64) -> Self {
        let mut id = *self.identity.id.as_bytes();
        id[12..].copy_from_slice(&content.to_be_bytes());
        Self { identity: Identity { id: MessageId::from_bytes(id), content, ..self.identity }, ..self }
    }
}

pub(crate) fn hash_of_addr(addr: SocketAddr, secret: u64) -> u64 {
    let ip = match addr.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let bits = ip.to_bits();
    let halves = [(bits >> 64) as u64, bits as u64, addr.port().into()];
    halves.into_iter().fold(secret, |hash, half| mix(hash ^ half).wrapping_add(secret))
}

/// Returns a hash that cannot be predicted without the secret: the polynomial of the checksum of
/// responses, with a key from the secret. Two requests have the same hash with a probability below
/// 2⁻⁴⁷.
fn hash(bytes: &[u8], secret: u64) -> u64 {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&mix(secret ^ 1).to_le_bytes());
    key[8..].copy_from_slice(&mix(secret ^ 2).to_le_bytes());
    checksum::compute(&MessageId::without_slot(key), bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::{Dialect, Frame};

    const SECRET: u64 = 0x1234_5678_9abc_def0;

    fn key(method: &str, remaining: Option<Duration>, sender: [u8; 4], secret: u64) -> Identity {
        let mut datagram = Vec::new();
        Request::begin(&mut datagram, Dialect::Rpcudp, method, 0);
        Request::set_id(&mut datagram, MessageId::from_bytes([7; 20]));
        if let Some(remaining) = remaining {
            Request::end(&mut datagram, remaining);
        }
        let Ok(Frame::Request(request)) = Frame::decode(&datagram, Dialect::Rpcudp) else { panic!("no request") };
        RequestKey::new(&request, &datagram, (sender, 7_000).into(), secret).identity
    }

    #[test]
    fn sender_is_part_of_the_key_of_a_request_without_a_remaining_time() {
        let (one, other) = ([192, 0, 2, 1], [192, 0, 2, 2]);
        let second = Some(Duration::from_secs(1));
        assert_eq!(key("m", second, one, SECRET), key("m", second, other, SECRET));
        assert_eq!(key("m", None, one, SECRET), key("m", None, one, SECRET));
        assert_ne!(key("m", None, one, SECRET), key("m", None, other, SECRET));
        assert_ne!(key("m", None, one, SECRET), key("m", second, one, SECRET));
    }

    #[test]
    fn sender_is_part_of_the_key_of_a_sender_with_an_identity() {
        let mut datagram = Vec::new();
        Request::begin(&mut datagram, Dialect::Rpcudp, "m", 0);
        Request::end(&mut datagram, Duration::from_secs(1));
        let Ok(Frame::Request(request)) = Frame::decode(&datagram, Dialect::Rpcudp) else { panic!("no request") };
        let key = |host| RequestKey::new(&request, &datagram, ([192, 0, 2, host], 7_000).into(), SECRET);
        assert_eq!(key(1).identity, key(2).identity);
        assert_ne!(key(1).of_its_sender().identity, key(2).of_its_sender().identity);
        assert_eq!(key(1).of_its_sender(), key(1).of_its_sender());
    }

    #[test]
    fn method_remaining_time_and_secret_are_part_of_the_key() {
        let (source, second) = ([192, 0, 2, 1], Some(Duration::from_secs(1)));
        assert_ne!(key("m", second, source, SECRET), key("n", second, source, SECRET));
        assert_ne!(key("m", second, source, SECRET), key("m", Some(Duration::from_secs(2)), source, SECRET));
        assert_ne!(key("m", second, source, SECRET), key("m", second, source, SECRET + 1));
    }

    #[test]
    fn each_bit_and_the_length_of_the_content_change_the_hash() {
        for len in 0..70 {
            let bytes = vec![0; len];
            let mut hashes = BTreeSet::from([hash(&bytes, SECRET), hash(&[&bytes[..], &[0]].concat(), SECRET)]);
            for bit in 0..len * 8 {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                hashes.insert(hash(&changed, SECRET));
            }
            assert_eq!(hashes.len(), 2 + len * 8, "{len} bytes");
        }
    }
}
