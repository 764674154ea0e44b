//! The connection ids that an endpoint chooses.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn_proto::{ConnectionId, ConnectionIdGenerator, InvalidCid};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use ring::aead::quic::{AES_128, HeaderProtectionKey};

/// A generator of connection ids that only the holder of a key can make: four random bytes, and
/// four bytes of AES under the key.
///
/// A datagram with another id is dropped without a stateless reset. The key is derived from the
/// identity and the address, so that a process that has restarted knows the ids of its earlier run,
/// and resets their links.
///
/// The id of a Retry is bound to the address of the caller: it shows that the sender of the next
/// packet receives there, or is on the path.
pub(crate) struct KeyedIds {
    key: HeaderProtectionKey,
    rng: StdRng,
    order: Arc<IdOrder>,
}

/// The order for the next id, and the newest id. quinn-proto asks its generator for an id without
/// the purpose, and does not show the ids of a connection.
#[derive(Debug, Default)]
pub(crate) struct IdOrder(Mutex<(Option<SocketAddr>, Option<ConnectionId>)>);

impl IdOrder {
    fn lock(&self) -> MutexGuard<'_, (Option<SocketAddr>, Option<ConnectionId>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Binds the next id to the address of a caller that gets a Retry. With `None` it is one of a
    /// connection.
    pub(crate) fn bind_next(&self, caller: Option<SocketAddr>) {
        self.lock().0 = caller;
    }

    /// Returns the id that was made last.
    pub(crate) fn newest(&self) -> Option<ConnectionId> {
        self.lock().1
    }
}

impl KeyedIds {
    const LEN: usize = 8;
    const NONCE_LEN: usize = 4;

    pub(crate) fn new(key: &[u8; 32], seed: [u8; 32], order: Arc<IdOrder>) -> Self {
        let key = HeaderProtectionKey::new(&AES_128, &key[..16]).expect("a key of AES-128 has 16 bytes");
        Self { key, rng: StdRng::from_seed(seed), order }
    }

    fn tag(&self, nonce: [u8; Self::NONCE_LEN], caller: Option<SocketAddr>) -> [u8; Self::LEN - Self::NONCE_LEN] {
        let mut sample = [0; 16];
        sample[..Self::NONCE_LEN].copy_from_slice(&nonce);
        if let Some(caller) = caller {
            match caller.ip().to_canonical() {
                IpAddr::V4(ip) => {
                    sample[4..8].copy_from_slice(&ip.octets());
                    sample[15] = 4;
                }
                // The /64 prefix: the token of the Retry has the whole address.
                IpAddr::V6(ip) => {
                    sample[4..12].copy_from_slice(&ip.octets()[..8]);
                    sample[15] = 6;
                }
            }
            sample[12..14].copy_from_slice(&caller.port().to_be_bytes());
        }
        let [tag @ .., _] = self.key.new_mask(&sample).expect("a sample of AES has 16 bytes");
        tag
    }

    /// Returns whether an id was made with the key for a connection.
    pub(crate) fn has_made(&self, id: &[u8]) -> bool {
        id.split_first_chunk().is_some_and(|(nonce, tag)| self.tag(*nonce, None) == *tag)
    }

    /// Returns whether an id was made with the key for a Retry to an address.
    pub(crate) fn has_made_for(&self, id: &[u8], caller: SocketAddr) -> bool {
        id.split_first_chunk().is_some_and(|(nonce, tag)| self.tag(*nonce, Some(caller)) == *tag)
    }
}

impl ConnectionIdGenerator for KeyedIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let nonce = self.rng.next_u32().to_le_bytes();
        let mut order = self.order.lock();
        let mut id = [0; Self::LEN];
        id[..Self::NONCE_LEN].copy_from_slice(&nonce);
        id[Self::NONCE_LEN..].copy_from_slice(&self.tag(nonce, order.0.take()));
        *order.1.insert(ConnectionId::new(&id))
    }

    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        if self.has_made(id) { Ok(()) } else { Err(InvalidCid) }
    }

    fn cid_len(&self) -> usize {
        Self::LEN
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// A generator of the ids that the first packets of a handshake are addressed to.
///
/// A peer of Python's rpcudp takes the first 21 bytes of any datagram for its header, and decodes
/// the rest as msgpack. Byte 15 of the id is the first of that rest. It is always msgpack's nil,
/// which such a peer ignores silently.
pub(crate) struct FirstIds(Mutex<StdRng>);

impl FirstIds {
    const LEN: usize = 20;
    const NIL_AT: usize = 15;
    const NIL: u8 = 0xc0;

    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(Mutex::new(StdRng::from_seed(seed)))
    }

    pub(crate) fn generate(&self) -> ConnectionId {
        let mut id = [0; Self::LEN];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut id);
        id[Self::NIL_AT] = Self::NIL;
        ConnectionId::new(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_another_key_are_invalid() {
        let new = |key, seed| KeyedIds::new(&[key; 32], [seed; 32], Arc::default());
        let (mut ids, same, other) = (new(1, 2), new(1, 3), new(9, 2));
        for _ in 0..100 {
            let id = ids.generate_cid();
            assert!(ids.validate(&id).is_ok() && same.validate(&id).is_ok(), "known after a restart");
            assert!(other.validate(&id).is_err());
            let mut changed = *<&[u8; 8]>::try_from(&id[..]).unwrap();
            changed[3] ^= 1;
            assert!(ids.validate(&ConnectionId::new(&changed)).is_err());
        }
        for len in 0..8 {
            assert!(ids.validate(&ConnectionId::new(&[0; 20][..len])).is_err());
        }
    }

    #[test]
    fn id_of_a_retry_is_bound_to_the_address_of_its_caller() {
        let order = Arc::new(IdOrder::default());
        let mut ids = KeyedIds::new(&[1; 32], [2; 32], Arc::clone(&order));
        let callers = ["10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.1:7001", "[a00:1::]:7000", "[2001:db8::1]:7000"];
        let callers = callers.map(|caller| caller.parse().unwrap());
        for caller in callers {
            order.bind_next(Some(caller));
            let id = ids.generate_cid();
            assert_eq!(order.newest(), Some(id));
            let bound: Vec<_> = callers.into_iter().filter(|other| ids.has_made_for(&id, *other)).collect();
            assert_eq!((bound, ids.has_made(&id)), (vec![caller], false));
            let next = ids.generate_cid();
            assert!(ids.has_made(&next) && !ids.has_made_for(&next, caller));
        }
        order.bind_next(Some(callers[0]));
        let id = ids.generate_cid();
        assert!(ids.has_made_for(&id, "[::ffff:10.0.0.1]:7000".parse().unwrap()));
    }

    #[test]
    fn first_ids_are_unpredictable_but_for_one_byte() {
        let ids = FirstIds::new([1; 32]);
        let (one, other) = (ids.generate(), ids.generate());
        assert_ne!(one, other);
        assert_eq!((one.len(), one[15], other[15]), (20, 0xc0, 0xc0));
    }
}
