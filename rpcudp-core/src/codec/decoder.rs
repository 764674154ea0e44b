//! A deserializer of msgpack.
//!
//! `rmp-serde` is not used because of three problems. It cannot read a `Vec<u8>` from bin inside an
//! untagged or internally tagged enum, or inside a flattened struct. It accepts text for bytes and
//! bytes for text, so the contents of a value decide which variant of an untagged enum is chosen.
//! And its depth limit does not count nested enums.

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::access::{ArrayAccess, EntryAccess, MapVariantAccess, UnitVariantAccess};
use super::buffered_bytes::BufferedBytes;
use super::byte_access::ByteAccess;
use super::extension::{EXTENSION_NAME, Extension};
use super::raw::RAW_NAME;
use super::reader::{Head, Reader};
use super::specialize::{self, is_content};
use super::value_error::{ValueError, ValueResult};
use super::wide;
use crate::copy;
use crate::limits::MAX_DEPTH;

/// Decodes consecutive values.
///
/// This file and `access.rs` import each other, as described there.
#[derive(Debug)]
pub(super) struct Decoder<'de> {
    reader: Reader<'de>,
    remaining_depth: usize,
    buffered: BufferedBytes,
}

impl<'de> Decoder<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self { reader: Reader::new(bytes), remaining_depth: MAX_DEPTH, buffered: BufferedBytes::NoneYet }
    }

    /// Decodes the next value. Repeats that if serde has buffered bytes in another form than the
    /// type requested from the buffer: see `buffered_bytes.rs`.
    pub(super) fn value<T: Deserialize<'de>>(&mut self) -> ValueResult<T> {
        let (start, depth) = (self.reader, self.remaining_depth);
        let value = T::deserialize(&mut *self);
        if self.buffered == BufferedBytes::NoneYet { value } else { self.value_again(start, depth, value) }
    }

    /// Decodes a value again, as often as its bytes in serde's buffer require.
    #[cold]
    fn value_again<T: Deserialize<'de>>(
        &mut self,
        start: Reader<'de>,
        depth: usize,
        mut value: ValueResult<T>,
    ) -> ValueResult<T> {
        while let Some(next) = self.buffered.after(value.is_ok()) {
            (self.reader, self.remaining_depth, self.buffered) = (start, depth, next);
            value = T::deserialize(&mut *self);
        }
        self.buffered = BufferedBytes::NoneYet;
        value
    }

    /// Reads the elements of an array or map. `elements` must read all of them.
    pub(super) fn read_container<T>(&mut self, elements: impl FnOnce(&mut Self) -> ValueResult<T>) -> ValueResult<T> {
        self.remaining_depth = self.remaining_depth.checked_sub(1).ok_or(ValueError::TooDeep)?;
        let value = elements(self)?;
        self.remaining_depth += 1;
        Ok(value)
    }

    /// Passes a value of any type to a visitor.
    pub(super) fn visit<V: Visitor<'de>>(&mut self, head: Head<'de>, visitor: V) -> ValueResult<V::Value> {
        match head {
            Head::Nil => visitor.visit_unit(),
            Head::Bool(value) => visitor.visit_bool(value),
            Head::Unsigned(value) => visitor.visit_u64(value),
            Head::Signed(value) => visitor.visit_i64(value),
            Head::F32(value) => visitor.visit_f32(value),
            Head::F64(value) => visitor.visit_f64(value),
            Head::Str(bytes) => visitor.visit_borrowed_str(text(bytes)?),
            Head::Bin(bytes) if is_content::<V::Value>() => match self.buffered.form(bytes) {
                Some(bytes) => visitor.visit_borrowed_bytes(bytes),
                None => visitor.visit_seq(ByteAccess::new(bytes)),
            },
            Head::Bin(bytes) => visitor.visit_borrowed_bytes(bytes),
            // Empty containers are no level, here and in `msgpack::value_len`.
            Head::Array(0) => ArrayAccess::visit(self, 0, visitor),
            Head::Map(0) => EntryAccess::visit(self, 0, visitor),
            Head::Array(len) => self.read_container(|decoder| ArrayAccess::visit(decoder, len, visitor)),
            Head::Map(len) => self.read_container(|decoder| EntryAccess::visit(decoder, len, visitor)),
            Head::Extension(kind, data) => visitor.visit_newtype_struct(Extension::new(kind, data)),
        }
    }

    /// Passes a value to a visitor that requested another type.
    fn mismatch<V: Visitor<'de>>(&mut self, head: Head<'de>, visitor: V) -> ValueResult<V::Value> {
        match head {
            // Text is not accepted for bytes, nor bytes for text.
            Head::Str(bytes) => Err(ValueError::invalid_type(Unexpected::Str(text(bytes)?), &visitor)),
            Head::Bin(bytes) => Err(ValueError::invalid_type(Unexpected::Bytes(bytes), &visitor)),
            head => self.visit(head, visitor),
        }
    }
}

fn text(bytes: &[u8]) -> ValueResult<&str> {
    str::from_utf8(bytes).map_err(|_| ValueError::InvalidUtf8)
}

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = ValueError;

    /// serde's buffer is human-readable, and offers no way to change that. So is the codec, because
    /// an address or a `Uuid` would otherwise be encoded in a form that it refuses from the buffer.
    fn is_human_readable(&self) -> bool {
        true
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        let head = self.reader.head()?;
        self.visit(head, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        if matches!(self.reader.peek()?, Head::Nil) {
            self.reader.head()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> ValueResult<V::Value> {
        if name == RAW_NAME {
            return visitor.visit_borrowed_bytes(self.reader.value()?);
        }
        if name != EXTENSION_NAME {
            return visitor.visit_newtype_struct(self);
        }
        match self.reader.head()? {
            Head::Extension(kind, data) => visitor.visit_newtype_struct(Extension::new(kind, data)),
            _ => Err(ValueError::custom("not a msgpack extension")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> ValueResult<V::Value> {
        match self.reader.head()? {
            // The form that `rmp-serde` writes.
            Head::Array(0) => visitor.visit_unit(),
            head => self.visit(head, visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        match self.reader.head()? {
            Head::Bin(bytes) => match specialize::visit_vec::<V, _>(bytes, copy::to_vec) {
                Ok(vec) => Ok(vec),
                Err(bytes) => visitor.visit_seq(ByteAccess::new(bytes)),
            },
            head => self.visit(head, visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> ValueResult<V::Value> {
        match self.reader.head()? {
            Head::Bin(bytes) => ByteAccess::visit(bytes, visitor),
            head => self.visit(head, visitor),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        match self.reader.head()? {
            Head::Bin(bytes) => visitor.visit_borrowed_bytes(bytes),
            head => self.mismatch(head, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        match self.reader.head()? {
            Head::Str(bytes) => visitor.visit_borrowed_str(text(bytes)?),
            head => self.mismatch(head, visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        let head = self.reader.head()?;
        let Head::Bin(bytes) = head else { return self.visit(head, visitor) };
        match wide::to_i128(bytes) {
            Some(value) => visitor.visit_i128(value),
            None => self.visit(head, visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        let head = self.reader.head()?;
        let Head::Bin(bytes) = head else { return self.visit(head, visitor) };
        match wide::to_u128(bytes) {
            Some(value) => visitor.visit_u128(value),
            None => self.visit(head, visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> ValueResult<V::Value> {
        match self.reader.head()? {
            Head::Str(name) => visitor.visit_enum(UnitVariantAccess(text(name)?)),
            Head::Map(1) => self.read_container(|decoder| visitor.visit_enum(MapVariantAccess(decoder))),
            Head::Map(len) => Err(ValueError::invalid_length(len as usize, &"a map with one entry, the variant")),
            head => self.mismatch(head, visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> ValueResult<V::Value> {
        self.reader.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 unit tuple_struct map struct identifier
    }
}
