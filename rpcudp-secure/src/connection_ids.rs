//! The connection ids that an endpoint chooses.

use std::sync::{Mutex, PoisonError};
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
pub(crate) struct KeyedIds {
    key: HeaderProtectionKey,
    rng: StdRng,
}

impl KeyedIds {
    const LEN: usize = 8;
    const NONCE_LEN: usize = 4;

    pub(crate) fn new(key: &[u8; 32], seed: [u8; 32]) -> Self {
        let key = HeaderProtectionKey::new(&AES_128, &key[..16]).expect("a key of AES-128 has 16 bytes");
        Self { key, rng: StdRng::from_seed(seed) }
    }

    fn tag(&self, nonce: [u8; Self::NONCE_LEN]) -> [u8; Self::LEN - Self::NONCE_LEN] {
        let mut sample = [0; 16];
        sample[..Self::NONCE_LEN].copy_from_slice(&nonce);
        let [tag @ .., _] = self.key.new_mask(&sample).expect("a sample of AES has 16 bytes");
        tag
    }

    /// Returns whether an id was made with the key.
    pub(crate) fn has_made(&self, id: &[u8]) -> bool {
        id.split_first_chunk().is_some_and(|(nonce, tag)| self.tag(*nonce) == *tag)
    }
}

impl ConnectionIdGenerator for KeyedIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let nonce = self.rng.next_u32().to_le_bytes();
        let mut id = [0; Self::LEN];
        id[..Self::NONCE_LEN].copy_from_slice(&nonce);
        id[Self::NONCE_LEN..].copy_from_slice(&self.tag(nonce));
        ConnectionId::new(&id)
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
        let mut ids = KeyedIds::new(&[1; 32], [2; 32]);
        let (same, other) = (KeyedIds::new(&[1; 32], [3; 32]), KeyedIds::new(&[9; 32], [2; 32]));
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
    fn first_ids_are_unpredictable_but_for_one_byte() {
        let ids = FirstIds::new([1; 32]);
        let (one, other) = (ids.generate(), ids.generate());
        assert_ne!(one, other);
        assert_eq!((one.len(), one[15], other[15]), (20, 0xc0, 0xc0));
    }
}
