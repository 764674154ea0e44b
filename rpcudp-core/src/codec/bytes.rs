use std::convert::identity;

use serde::de::{DeserializeOwned, Deserializer, Error, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::byte_access::ByteAccess;
use super::decode::{DecodeError, decode};
use super::encode::encode;
use super::reader::{Head, Reader};
use super::specialize::{self, is_content};
use super::value_error::{ValueError, ValueResult};
use super::wide;

/// Returns the contents of a msgpack value that is a bin.
///
/// To decode a value later, copy these bytes instead of the value. [`decode_bytes`] moves the copy
/// into the decoded `Vec<u8>`.
///
/// ```
/// use rpcudp_core::codec;
///
/// assert_eq!(codec::as_bytes(b"\xc4\x02hi"), Some(&b"hi"[..]));
/// assert_eq!(codec::as_bytes(b"\xa2hi"), None);
/// ```
#[must_use]
pub fn as_bytes(value: &[u8]) -> Option<&[u8]> {
    match Reader::new(value).head() {
        Ok(Head::Bin(bytes)) => Some(bytes),
        _ => None,
    }
}

/// Decodes a `T` from a bin with these contents. Returns the same as [`decode`](super::decode) for
/// the bin, but a `Vec<u8>` or another type that accepts a byte buffer takes over the memory
/// instead of copying it.
///
/// ```
/// use rpcudp_core::codec;
///
/// assert_eq!(codec::decode_bytes::<Option<Vec<u8>>>(vec![1, 2])?, Some(vec![1, 2]));
/// assert!(codec::decode_bytes::<String>(b"text".to_vec()).is_err());
/// # Ok::<(), codec::DecodeError>(())
/// ```
///
/// # Errors
///
/// Fails if bytes do not decode as `T`.
pub fn decode_bytes<T: DeserializeOwned>(bytes: Vec<u8>) -> Result<T, DecodeError> {
    let mut buffered = None;
    let value = T::deserialize(BytesDeserializer { bytes, buffered: &mut buffered });
    let Some(bytes) = buffered else { return value.map_err(DecodeError::of::<T>) };
    let mut value = Vec::with_capacity(bytes.len() + 5);
    match encode(&mut value, &bytes) {
        Ok(()) => decode(&value),
        Err(error) => Err(DecodeError::of::<T>(ValueError::custom(error))),
    }
}

/// A deserializer of a bin.
struct BytesDeserializer<'a> {
    bytes: Vec<u8>,
    /// The bytes, if serde's buffer requested them: `Decoder::value` handles those.
    buffered: &'a mut Option<Vec<u8>>,
}

impl BytesDeserializer<'_> {
    fn mismatch<'de, V: Visitor<'de>>(&self, visitor: &V) -> ValueResult<V::Value> {
        Err(ValueError::invalid_type(Unexpected::Bytes(&self.bytes), visitor))
    }
}

impl<'de> Deserializer<'de> for BytesDeserializer<'_> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        if is_content::<V::Value>() {
            *self.buffered = Some(self.bytes);
            return Err(ValueError::custom("bytes are decoded again"));
        }
        visitor.visit_byte_buf(self.bytes)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> ValueResult<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        match specialize::visit_vec::<V, _>(self.bytes, identity) {
            Ok(vec) => Ok(vec),
            Err(bytes) => visitor.visit_seq(ByteAccess::new(&bytes)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> ValueResult<V::Value> {
        ByteAccess::visit(&self.bytes, visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        self.mismatch(&visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        self.mismatch(&visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        self.mismatch(&visitor)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        match wide::to_i128(&self.bytes) {
            Some(value) => visitor.visit_i128(value),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        match wide::to_u128(&self.bytes) {
            Some(value) => visitor.visit_u128(value),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> ValueResult<V::Value> {
        self.mismatch(&visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 bytes byte_buf unit unit_struct tuple_struct map struct identifier
    }
}
