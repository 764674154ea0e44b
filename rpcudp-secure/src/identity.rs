use std::fmt;
use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

use crate::key_error::KeyError;
use crate::peer_id::PeerId;

/// The key pair of a peer (Ed25519). The holder of the private key is the peer.
///
/// Keep it in a file that only the program can read, in the format of
/// `openssl genpkey -algorithm ed25519`. `Debug` shows the public key alone.
///
/// ```
/// use rpcudp_secure::Identity;
///
/// let identity = Identity::generate();
/// let pem = identity.to_pem();
/// assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
/// assert_eq!(Identity::from_pem(pem.as_bytes())?.peer_id(), identity.peer_id());
/// # Ok::<(), rpcudp_secure::KeyError>(())
/// ```
#[derive(Clone)]
pub struct Identity {
    seed: Arc<[u8; Self::SEED_LEN]>,
    peer_id: PeerId,
}

impl Identity {
    /// The length of a seed, in bytes.
    pub const SEED_LEN: usize = 32;

    /// The DER of a key in PKCS#8 up to its seed (RFC 8410).
    const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

    /// The same for a key that is followed by its public part (RFC 5958).
    const PKCS8_V2_PREFIX: [u8; 16] = [0x30, 0x51, 2, 1, 1, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

    /// The DER between the seed and the public part.
    const PKCS8_V2_INFIX: [u8; 3] = [0x81, 0x21, 0];

    /// Generates a key pair from the randomness of the operating system.
    ///
    /// # Panics
    ///
    /// Panics if the operating system has no randomness.
    #[must_use]
    pub fn generate() -> Self {
        let mut seed = [0; Self::SEED_LEN];
        SystemRandom::new().fill(&mut seed).expect("the operating system has randomness");
        Self::from_seed(seed)
    }

    /// Returns the key pair of a seed, which is the private key. A seed must be random and secret.
    #[must_use]
    pub fn from_seed(seed: [u8; Self::SEED_LEN]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("every seed of this length is a key");
        let peer_id = pair.public_key().as_ref().try_into().expect("an Ed25519 key has 32 bytes");
        Self { seed: Arc::new(seed), peer_id: PeerId::from_bytes(peer_id) }
    }

    /// Reads a key pair from PEM text, which may have other sections too.
    ///
    /// # Errors
    ///
    /// If the text has no section `PRIVATE KEY`, or the first of them is not an Ed25519 key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| KeyError::NotPem)?;
        Self::from_pkcs8(key.secret_pkcs8_der())
    }

    /// Reads a key pair from the DER of PKCS#8, with or without its public part.
    ///
    /// # Errors
    ///
    /// If the bytes are not such a key, or their public part belongs to another key.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let (prefix, rest) = der.split_at_checked(Self::PKCS8_PREFIX.len()).ok_or(KeyError::NotEd25519)?;
        let (seed, rest) = rest.split_first_chunk().ok_or(KeyError::NotEd25519)?;
        let identity = Self::from_seed(*seed);
        let is_valid = match rest.strip_prefix(&Self::PKCS8_V2_INFIX) {
            None => prefix == Self::PKCS8_PREFIX && rest.is_empty(),
            Some(public) => prefix == Self::PKCS8_V2_PREFIX && public == identity.peer_id.as_bytes(),
        };
        if is_valid { Ok(identity) } else { Err(KeyError::NotEd25519) }
    }

    /// Returns the public key.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// Returns the seed, which is the private key.
    #[must_use]
    pub fn seed(&self) -> &[u8; Self::SEED_LEN] {
        &self.seed
    }

    /// Returns the private key as PKCS#8 in PEM, which [`from_pem`](Self::from_pem) and OpenSSL
    /// read.
    #[must_use]
    pub fn to_pem(&self) -> String {
        // 48 bytes are 64 characters, one line, without padding.
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64(&self.to_pkcs8()))
    }

    /// Returns the private key as the DER of PKCS#8.
    #[must_use]
    pub fn to_pkcs8(&self) -> Vec<u8> {
        [&Self::PKCS8_PREFIX[..], &self.seed[..]].concat()
    }
}

/// Returns the base64 of bytes whose number is a multiple of three.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(ALPHABET[bits >> shift & 63]))
    });
    digits.collect()
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("peer_id", &self.peer_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first test vector of RFC 8032, section 7.1.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn bytes(hex: &str) -> [u8; 32] {
        *hex.parse::<PeerId>().unwrap().as_bytes()
    }

    #[test]
    fn public_key_is_that_of_the_seed() {
        assert_eq!(Identity::from_seed(bytes(SEED)).peer_id().as_bytes(), &bytes(PUBLIC));
    }

    /// As `openssl genpkey -algorithm ed25519` wrote it (the example of RFC 8410, section 10.3).
    #[test]
    fn pem_of_openssl_is_read_and_written() {
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----\n";
        let identity = Identity::from_pem(pem.as_bytes()).unwrap();
        let public = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
        assert_eq!(identity.peer_id().as_bytes(), &bytes(public));
        assert_eq!(identity.to_pem(), pem);
        assert_eq!(Identity::from_pkcs8(&identity.to_pkcs8()).unwrap().seed(), identity.seed());
    }

    #[test]
    fn pkcs8_with_a_public_part_is_read_if_the_part_is_right() {
        let identity = Identity::from_seed([5; 32]);
        let public = *identity.peer_id().as_bytes();
        let der = |public: &[u8]| {
            [&Identity::PKCS8_V2_PREFIX[..], identity.seed(), &Identity::PKCS8_V2_INFIX, public].concat()
        };
        assert_eq!(Identity::from_pkcs8(&der(&public)).unwrap().peer_id(), identity.peer_id());
        assert_eq!(Identity::from_pkcs8(&der(&[1; 32])).unwrap_err(), KeyError::NotEd25519);
        assert_eq!(Identity::from_pkcs8(&der(&public[1..])).unwrap_err(), KeyError::NotEd25519);
    }

    #[test]
    fn other_bytes_are_no_identity() {
        for len in 0..120 {
            assert_eq!(Identity::from_pkcs8(&vec![0x30; len]).unwrap_err(), KeyError::NotEd25519, "{len}");
        }
        assert_eq!(Identity::from_pem(b"").unwrap_err(), KeyError::NotPem);
        let pem = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert_eq!(Identity::from_pem(pem).unwrap_err(), KeyError::NotEd25519);
    }

    #[test]
    fn debug_shows_the_public_key_alone() {
        let identity = Identity::from_seed(bytes(SEED));
        let printed = format!("{identity:?}");
        assert_eq!(printed, format!("Identity {{ peer_id: {:?}, .. }}", identity.peer_id()));
        assert!(!printed.contains("157"), "0x9d is the first byte of the seed");
    }
}
