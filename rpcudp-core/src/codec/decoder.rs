//! msgpack as serde's data model sees it.
//!
//! `rmp-serde` is what this would be made of, were it not for three things that cannot be mended from outside. A `Vec<u8>`
//! within an untagged or internally tagged enum, or within a flattened struct, cannot be read back from bin. Text and
//! bytes pass for each other, so that which variant of an enum a value becomes depends on what it spells. And nested
//! enums are not counted towards its limit of depth.

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::access::{Entries, Items, Named, Variant};
use super::byte_access::Bytes;
use super::reader::{Head, Reader};
use super::specialize::{self, is_buffer};
use super::value_error::{Decoded, Fault};
use crate::copy;
use crate::limits::MAX_DEPTH;

/// Reads one value after the other.
#[derive(Debug)]
pub(super) struct Decoder<'de> {
    reader: Reader<'de>,
    levels_left: usize,
}

impl<'de> Decoder<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self { reader: Reader::new(bytes), levels_left: MAX_DEPTH }
    }

    /// Reads the elements of an array or map, which must all be read.
    pub(super) fn within<T>(&mut self, elements: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<T> {
        self.levels_left = self.levels_left.checked_sub(1).ok_or(Fault::TooDeep)?;
        let value = elements(self)?;
        self.levels_left += 1;
        Ok(value)
    }

    /// Hands a value to a visitor that takes what there is.
    pub(super) fn visit<V: Visitor<'de>>(&mut self, head: Head<'de>, visitor: V) -> Decoded<V::Value> {
        match head {
            Head::Nil => visitor.visit_unit(),
            Head::Bool(value) => visitor.visit_bool(value),
            Head::Unsigned(value) => visitor.visit_u64(value),
            Head::Signed(value) => visitor.visit_i64(value),
            Head::F32(value) => visitor.visit_f32(value),
            Head::F64(value) => visitor.visit_f64(value),
            Head::Str(bytes) => visitor.visit_borrowed_str(text(bytes)?),
            // What serde keeps for later, as for an untagged enum, is asked for a sequence when it becomes a `Vec<u8>`,
            // and refuses where it was given bytes. Of the types that ask for bytes most take a sequence as well; and a
            // `String`, which would take bytes that spell a text, does not.
            Head::Bin(bytes) if is_buffer::<V::Value>() => visitor.visit_seq(Bytes::new(bytes)),
            Head::Bin(bytes) => visitor.visit_borrowed_bytes(bytes),
            // Nothing lies within these, so that they are no level. What looks at a body before sees them so too.
            Head::Array(0) => Items::visit(self, 0, visitor),
            Head::Map(0) => Entries::visit(self, 0, visitor),
            Head::Array(len) => self.within(|decoder| Items::visit(decoder, len, visitor)),
            Head::Map(len) => self.within(|decoder| Entries::visit(decoder, len, visitor)),
            Head::Extension => Err(Fault::invalid_type(Unexpected::Other("msgpack extension"), &visitor)),
        }
    }

    /// Hands a value to a visitor that asked for something in particular, which it is not.
    fn mismatch<V: Visitor<'de>>(&mut self, head: Head<'de>, visitor: V) -> Decoded<V::Value> {
        match head {
            // Text and bytes do not pass for each other.
            Head::Str(bytes) => Err(Fault::invalid_type(Unexpected::Str(text(bytes)?), &visitor)),
            Head::Bin(bytes) => Err(Fault::invalid_type(Unexpected::Bytes(bytes), &visitor)),
            head => self.visit(head, visitor),
        }
    }
}

fn text(bytes: &[u8]) -> Decoded<&str> {
    str::from_utf8(bytes).map_err(|_| Fault::NotUtf8)
}

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = Fault;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        let head = self.reader.head()?;
        self.visit(head, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        if matches!(self.reader.peek()?, Head::Nil) {
            self.reader.head()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Decoded<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Decoded<V::Value> {
        match self.reader.head()? {
            // What `rmp-serde` writes for one.
            Head::Array(0) => visitor.visit_unit(),
            head => self.visit(head, visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        match self.reader.head()? {
            Head::Bin(bytes) => match specialize::vec::<V, _>(bytes, copy::to_vec) {
                Ok(vec) => Ok(vec),
                Err(bytes) => visitor.visit_seq(Bytes::new(bytes)),
            },
            head => self.visit(head, visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Decoded<V::Value> {
        match self.reader.head()? {
            Head::Bin(bytes) => Bytes::visit(bytes, visitor),
            head => self.visit(head, visitor),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        match self.reader.head()? {
            Head::Bin(bytes) => visitor.visit_borrowed_bytes(bytes),
            head => self.mismatch(head, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        match self.reader.head()? {
            Head::Str(bytes) => visitor.visit_borrowed_str(text(bytes)?),
            head => self.mismatch(head, visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        let head = self.reader.head()?;
        match wide(head) {
            Some(bytes) => visitor.visit_i128(i128::from_be_bytes(bytes)),
            None => self.visit(head, visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        let head = self.reader.head()?;
        match wide(head) {
            Some(bytes) => visitor.visit_u128(u128::from_be_bytes(bytes)),
            None => self.visit(head, visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Decoded<V::Value> {
        match self.reader.head()? {
            Head::Str(name) => visitor.visit_enum(Named(text(name)?)),
            Head::Map(1) => self.within(|decoder| visitor.visit_enum(Variant(decoder))),
            Head::Map(len) => Err(Fault::invalid_length(len as usize, &"a map with one entry, the variant")),
            head => self.mismatch(head, visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        self.reader.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 unit tuple_struct map struct identifier
    }
}

/// The bytes of a 128-bit integer, which msgpack has no form of its own for.
fn wide(head: Head<'_>) -> Option<[u8; 16]> {
    if let Head::Bin(bytes) = head { bytes.try_into().ok() } else { None }
}
