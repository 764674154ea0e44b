//! The protocol as a node serves it, and as it calls other nodes.

use rpcudp::{Context, rpc_service};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::contract::{FindValueResponse, ObservedAddr};
use crate::{Contacts, ID_LEN, Key, NodeId, Value};

/// The protocol of [`Kademlia`](crate::Kademlia), with arguments that decode from more values.
///
/// Python ignores a refusal of malformed arguments, so its caller would wait until its timeout. A
/// node therefore responds to a request with a short id, and to a `store` of a value that no node
/// stores.
#[rpc_service]
pub(crate) trait ServedKademlia {
    /// See [`Kademlia::stun`](crate::Kademlia::stun).
    #[rpc(at_least_once, timeout = "2s")]
    fn stun(&self, cx: &Context) -> ObservedAddr;

    /// See [`Kademlia::ping`](crate::Kademlia::ping).
    #[rpc(at_least_once, timeout = "2s")]
    fn ping(&self, cx: &Context, id: ShortId) -> ShortId;

    /// See [`Kademlia::store`](crate::Kademlia::store).
    #[rpc(at_least_once, timeout = "2s")]
    async fn store(&self, cx: &Context, id: ShortId, key: ShortId, value: MaybeValue) -> bool;

    /// See [`Kademlia::find_node`](crate::Kademlia::find_node).
    #[rpc(at_least_once, timeout = "2s")]
    fn find_node(&self, cx: &Context, id: ShortId, key: ShortId) -> Contacts;

    /// See [`Kademlia::find_value`](crate::Kademlia::find_value).
    #[rpc(at_least_once, timeout = "2s")]
    async fn find_value(&self, cx: &Context, id: ShortId, key: ShortId) -> FindValueResponse;
}

/// The `ping` that validates the source of a request: the same method, sent once.
///
/// The source is unvalidated, so the ping is not retransmitted: a forged source address must not
/// receive more bytes from this node than were sent in its name.
#[rpc_service]
pub(crate) trait SinglePing {
    /// See [`Kademlia::ping`](crate::Kademlia::ping).
    #[rpc(timeout = "2s")]
    fn ping(&self, id: ShortId) -> ShortId;
}

/// An id or a key of 20 bytes, or a short one of 1 to 16 bytes.
///
/// Python's ids are big-endian numbers of any length, and a node there may have an id of 4 or 16
/// bytes. Such an id is the number that it stands for: leading zero bytes fill it up to 20 bytes.
/// It is [not told to others](NodeId::is_short).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShortId {
    bytes: [u8; ID_LEN],
    /// The number of bytes in the request.
    pub(crate) len: usize,
}

impl ShortId {
    pub(crate) fn node_id(&self) -> NodeId {
        NodeId::from_bytes(self.bytes)
    }

    pub(crate) fn key(&self) -> Key {
        Key::from_bytes(self.bytes)
    }

    fn from_slice(bytes: &[u8]) -> Option<Self> {
        let start = ID_LEN.checked_sub(bytes.len())?;
        if !matches!(bytes.len(), 1..=NodeId::MAX_SHORT_LEN | ID_LEN) {
            return None;
        }
        let mut id = [0; ID_LEN];
        id[start..].copy_from_slice(bytes);
        Some(Self { bytes: id, len: bytes.len() })
    }
}

impl From<NodeId> for ShortId {
    fn from(id: NodeId) -> Self {
        Self { bytes: *id.as_bytes(), len: ID_LEN }
    }
}

impl From<Key> for ShortId {
    fn from(key: Key) -> Self {
        Self { bytes: *key.as_bytes(), len: ID_LEN }
    }
}

impl Serialize for ShortId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.bytes)
    }
}

impl<'de> Deserialize<'de> for ShortId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShortIdVisitor;

        impl Visitor<'_> for ShortIdVisitor {
            type Value = ShortId;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "an id of {ID_LEN} bytes, or of 1 to {}", NodeId::MAX_SHORT_LEN)
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<ShortId, E> {
                ShortId::from_slice(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self))
            }
        }

        deserializer.deserialize_bytes(ShortIdVisitor)
    }
}

/// The value of a `store` request, or `None` if no node stores it: `None`, a list, a map or an
/// extension type.
///
/// It must be the last argument, because after a value that does not decode the decoder's position
/// is unspecified.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct MaybeValue(pub(crate) Option<Value>);

impl<'de> Deserialize<'de> for MaybeValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The frame was checked to be msgpack before, so the error is about the type.
        Ok(Self(Value::deserialize(deserializer).ok()))
    }
}

#[cfg(test)]
mod tests {
    use rpcudp_core::codec::{decode, encode};

    use super::*;

    #[test]
    fn short_ids_are_filled_with_leading_zeros_and_others_are_refused() {
        let short: ShortId = decode(b"\xc4\x04\x01\x02\x03\x04").unwrap();
        let expected = [[0; 16].as_slice(), &[1, 2, 3, 4]].concat();
        assert_eq!((short.node_id().as_bytes().as_slice(), short.len), (&expected[..], 4));
        let full: ShortId = decode(&[b"\xc4\x14".as_slice(), &[7; 20]].concat()).unwrap();
        assert_eq!(full, NodeId::from_bytes([7; 20]).into());
        let mut bytes = Vec::new();
        encode(&mut bytes, &full).unwrap();
        assert_eq!(bytes, [b"\xc4\x14".as_slice(), &[7; 20]].concat());
        for refused in [
            &b"\xc4\x00"[..],
            &[b"\xc4\x15".as_slice(), &[7; 21]].concat(),
            &[b"\xc4\x11".as_slice(), &[7; 17]].concat(),
            b"\x07",
            b"\xa1a",
            b"\xc0",
        ] {
            assert!(decode::<ShortId>(refused).is_err(), "{refused:x?}");
        }
    }

    #[test]
    fn a_value_that_no_node_stores_decodes_as_none() {
        for bytes in [&b"\xc0"[..], b"\x92\xa1a\x01", b"\x81\xa1a\x01", b"\x90", b"\xd6\xff\x00\x00\x00\x00"] {
            assert_eq!(decode::<MaybeValue>(bytes).ok(), Some(MaybeValue(None)), "{bytes:x?}");
        }
        assert_eq!(decode::<MaybeValue>(b"\xa1v").unwrap(), MaybeValue(Some("v".into())));
    }
}
