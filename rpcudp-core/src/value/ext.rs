use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::display::write_hex;
use crate::codec::extension::EXTENSION_NAME;

/// A value of one of msgpack's extension types: Python's `umsgpack.Ext`.
///
/// Applications choose the meaning of the types from 0 to 127. msgpack reserves the negative ones,
/// and defines -1 as a [`Timestamp`](super::Timestamp).
///
/// ```
/// use rpcudp_core::codec;
/// use rpcudp_core::value::Ext;
///
/// let mut bytes = Vec::new();
/// codec::encode(&mut bytes, &Ext::new(5, b"a"))?;
/// assert_eq!(bytes, b"\xd4\x05a");
/// assert_eq!(codec::decode::<Ext>(&bytes)?, Ext { kind: 5, data: b"a".to_vec() });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ext {
    /// The type.
    pub kind: i8,
    /// The data.
    pub data: Vec<u8>,
}

impl Ext {
    /// Creates a value.
    #[must_use]
    pub fn new(kind: i8, data: impl Into<Vec<u8>>) -> Self {
        Self { kind, data: data.into() }
    }

    /// Deserializes the pair inside an extension value, of which a deserializer passes the pair to
    /// `Visitor::visit_newtype_struct`. For `Deserialize` implementations that accept any value.
    ///
    /// # Errors
    ///
    /// Fails if the deserializer does not yield a pair of an `i8` and bytes.
    pub fn from_pair<'de, D: Deserializer<'de>>(pair: D) -> Result<Self, D::Error> {
        let (kind, Data(data)) = Deserialize::deserialize(pair)?;
        Ok(Self { kind, data })
    }
}

impl fmt::Display for Ext {
    /// Formats the value as `ext 5 hex:00ff`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ext {} ", self.kind)?;
        write_hex(f, &self.data)
    }
}

impl Serialize for Ext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.kind, &self.data, serializer)
    }
}

impl<'de> Deserialize<'de> for Ext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Any type is requested, because serde's buffer would pass a list for an extension value.
        deserializer.deserialize_any(ExtVisitor)
    }
}

struct ExtVisitor;

impl<'de> Visitor<'de> for ExtVisitor {
    type Value = Ext;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a msgpack extension")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, pair: D) -> Result<Ext, D::Error> {
        Ext::from_pair(pair)
    }
}

/// Serializes an extension value, in the form that `codec::extension` describes.
pub(super) fn serialize<S: Serializer>(kind: i8, data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(EXTENSION_NAME, &(kind, DataRef(data)))
}

struct DataRef<'a>(&'a [u8]);

impl Serialize for DataRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

struct Data(Vec<u8>);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(DataVisitor)
    }
}

struct DataVisitor;

impl Visitor<'_> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a msgpack extension")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Data, E> {
        Ok(Data(bytes.into()))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Data, E> {
        Ok(Data(bytes))
    }
}
