use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// The id of a session, which its server and its member know. It stays the same if the member's
/// address changes.
///
/// An endpoint draws the ids of its sessions at random. An id is no secret: a program may log it
/// and send it to other members. It prints as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(crate) u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// The proof that a peer holds a session: the id, and the key that the peer has drawn. Travels as
/// 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Credential {
    pub(crate) id: SessionId,
    /// A secret between the server and the peer.
    pub(crate) key: u64,
}

impl Credential {
    const LEN: usize = 16;

    fn to_bytes(self) -> [u8; Self::LEN] {
        ((u128::from(self.id.0) << 64) | u128::from(self.key)).to_be_bytes()
    }

    fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let number = u128::from_be_bytes(bytes);
        Self { id: SessionId((number >> 64) as u64), key: number as u64 }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key must not get into a log.
        f.debug_struct("Credential").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Serialize for Credential {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.to_bytes())
    }
}

impl<'de> Deserialize<'de> for Credential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BytesVisitor;

        impl Visitor<'_> for BytesVisitor {
            type Value = Credential;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "the {} bytes of a session", Credential::LEN)
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Credential, E> {
                let bytes = bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))?;
                Ok(Credential::from_bytes(bytes))
            }
        }

        deserializer.deserialize_bytes(BytesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use rpcudp_core::codec::{decode, encode};

    use super::*;

    #[test]
    fn credential_travels_as_sixteen_bytes_and_hides_its_key() {
        let credential = Credential { id: SessionId(0x0102), key: 0xfffe };
        let mut bytes = Vec::new();
        encode(&mut bytes, &credential).unwrap();
        assert_eq!(bytes, b"\xc4\x10\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\xff\xfe");
        assert_eq!(decode::<Credential>(&bytes).unwrap(), credential);
        assert!(decode::<Credential>(b"\xc4\x02\0\0").is_err());
        assert_eq!(format!("{credential:?}"), "Credential { id: SessionId(0000000000000102), .. }");
    }
}
