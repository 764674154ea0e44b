//! Extension values of msgpack, in the form that `rmp-serde` and `rmpv` use as well: a newtype
//! struct named `_ExtStruct` around a pair of the type, an `i8`, and the data, which is bytes.

use serde::de::value::I8Deserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::byte_access::ByteAccess;
use super::encode_error::{EncodeError, EncodeResult};
use super::reader::{Head, Reader};
use super::specialize;
use super::value_error::{ValueError, ValueResult};
use crate::copy;
use crate::msgpack::infallible;

/// The name of the newtype struct that is an extension value.
pub(crate) const EXTENSION_NAME: &str = "_ExtStruct";

/// The length of the longest head: the marker, four bytes of length, and the type.
const MAX_HEAD_LEN: usize = 6;

/// Replaces the pair at `start`, the end of `out`, by an extension value.
pub(super) fn from_pair(out: &mut Vec<u8>, start: usize) -> EncodeResult {
    let (kind, len) = parse_pair(&out[start..])
        .ok_or_else(|| <EncodeError as serde::ser::Error>::custom("an extension value is a pair of an i8 and bytes"))?;
    let data = out.len() - len;
    let len = u32::try_from(len).expect("the data has a length of 32 bits as bin");
    let mut head = [0; MAX_HEAD_LEN];
    let mut rest = &mut head[..];
    infallible(rmp::encode::write_ext_meta(&mut rest, len, kind));
    let head_len = MAX_HEAD_LEN - rest.len();
    // The head is shorter than that of the pair, so the data moves to the left.
    out[start..start + head_len].copy_from_slice(&head[..head_len]);
    out.drain(start + head_len..data);
    Ok(())
}

/// Returns the type and the length of the data.
fn parse_pair(bytes: &[u8]) -> Option<(i8, usize)> {
    let mut reader = Reader::new(bytes);
    let Head::Array(2) = reader.head().ok()? else { return None };
    let kind = match reader.head().ok()? {
        Head::Unsigned(kind) => i8::try_from(kind).ok()?,
        Head::Signed(kind) => i8::try_from(kind).ok()?,
        _ => return None,
    };
    let Head::Bin(data) = reader.head().ok()? else { return None };
    Some((kind, data.len()))
}

/// A deserializer of the pair inside an extension value.
pub(super) struct Extension<'de> {
    kind: Option<i8>,
    data: Option<&'de [u8]>,
}

impl<'de> Extension<'de> {
    pub(super) fn new(kind: i8, data: &'de [u8]) -> Self {
        Self { kind: Some(kind), data: Some(data) }
    }
}

impl<'de> Deserializer<'de> for Extension<'de> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> ValueResult<V::Value> {
        let value = visitor.visit_seq(&mut self)?;
        if self.data.is_some() { Err(ValueError::invalid_length(2, &"fewer elements")) } else { Ok(value) }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for &mut Extension<'de> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> ValueResult<Option<T::Value>> {
        if let Some(kind) = self.kind.take() {
            let kind: I8Deserializer<ValueError> = kind.into_deserializer();
            return seed.deserialize(kind).map(Some);
        }
        let Some(data) = self.data.take() else { return Ok(None) };
        seed.deserialize(Data(data)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(usize::from(self.kind.is_some()) + usize::from(self.data.is_some()))
    }
}

/// A deserializer of the data.
struct Data<'de>(&'de [u8]);

impl<'de> Deserializer<'de> for Data<'de> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        visitor.visit_borrowed_bytes(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> ValueResult<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        match specialize::visit_vec::<V, _>(self.0, copy::to_vec) {
            Ok(vec) => Ok(vec),
            Err(bytes) => visitor.visit_seq(ByteAccess::new(bytes)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> ValueResult<V::Value> {
        ByteAccess::visit(self.0, visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        Err(ValueError::invalid_type(Unexpected::Bytes(self.0), &visitor))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        self.deserialize_str(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf option unit unit_struct tuple_struct
        map struct enum identifier ignored_any
    }
}
