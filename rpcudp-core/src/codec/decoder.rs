//! msgpack as serde's data model sees it.
//!
//! `rmp-serde` is what this would be made of, were it not for three things that cannot be mended from outside. A `Vec<u8>`
//! within an untagged or internally tagged enum, or within a flattened struct, cannot be read back from bin. Text and
//! bytes pass for each other, so that which variant of an enum a value becomes depends on what it spells. And nested
//! enums are not counted towards its limit of depth.

use std::any::type_name;
use std::fmt;

use rmp::Marker;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::access::{Bytes, Entries, Items};
use super::sanitize::excerpt;
use super::specialize;
use super::variant::{Named, Variant};
use crate::limits::MAX_DEPTH;
use crate::{copy, msgpack};

/// Reads one value after the other.
#[derive(Debug)]
pub(super) struct Decoder<'de> {
    rest: &'de [u8],
    levels_left: usize,
}

/// Why a value is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes end within the value. A body has been looked at before, so that this happens to no peer's.
    EndsEarly,
    /// A byte that msgpack does not use.
    NoValue,
    TooDeep,
    NotUtf8,
    /// Whatever the type says against it: an excerpt.
    Mismatch(Box<str>),
}

pub(super) type Decoded<T> = Result<T, Fault>;

/// The beginning of a value: all of it, unless it has elements.
#[derive(Clone, Copy)]
pub(super) enum Head<'de> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    F32(f32),
    F64(f64),
    Str(&'de [u8]),
    Bin(&'de [u8]),
    Array(u32),
    Map(u32),
    /// An extension type, which nothing here knows.
    Extension,
}

impl<'de> Decoder<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self { rest: bytes, levels_left: MAX_DEPTH }
    }

    /// Reads the elements of an array or map, which must all be read.
    pub(super) fn within<T>(&mut self, elements: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<T> {
        self.levels_left = self.levels_left.checked_sub(1).ok_or(Fault::TooDeep)?;
        let value = elements(self)?;
        self.levels_left += 1;
        Ok(value)
    }

    pub(super) fn head(&mut self) -> Decoded<Head<'de>> {
        Ok(match Marker::from_u8(u8::from_be_bytes(self.array()?)) {
            Marker::Null => Head::Nil,
            Marker::False => Head::Bool(false),
            Marker::True => Head::Bool(true),
            Marker::FixPos(number) => Head::Unsigned(number.into()),
            Marker::U8 => Head::Unsigned(u8::from_be_bytes(self.array()?).into()),
            Marker::U16 => Head::Unsigned(u16::from_be_bytes(self.array()?).into()),
            Marker::U32 => Head::Unsigned(u32::from_be_bytes(self.array()?).into()),
            Marker::U64 => Head::Unsigned(u64::from_be_bytes(self.array()?)),
            Marker::FixNeg(number) => Head::Signed(number.into()),
            Marker::I8 => Head::Signed(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => Head::Signed(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => Head::Signed(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => Head::Signed(i64::from_be_bytes(self.array()?)),
            Marker::F32 => Head::F32(f32::from_be_bytes(self.array()?)),
            Marker::F64 => Head::F64(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(len) => Head::Str(self.bytes(len.into())?),
            Marker::Str8 => Head::Str(self.prefixed::<1>()?),
            Marker::Str16 => Head::Str(self.prefixed::<2>()?),
            Marker::Str32 => Head::Str(self.prefixed::<4>()?),
            Marker::Bin8 => Head::Bin(self.prefixed::<1>()?),
            Marker::Bin16 => Head::Bin(self.prefixed::<2>()?),
            Marker::Bin32 => Head::Bin(self.prefixed::<4>()?),
            Marker::FixArray(count) => Head::Array(count.into()),
            Marker::Array16 => Head::Array(self.len::<2>()?),
            Marker::Array32 => Head::Array(self.len::<4>()?),
            Marker::FixMap(count) => Head::Map(count.into()),
            Marker::Map16 => Head::Map(self.len::<2>()?),
            Marker::Map32 => Head::Map(self.len::<4>()?),
            Marker::Reserved => return Err(Fault::NoValue),
            _ => Head::Extension,
        })
    }

    /// The head of the next value, which stays the next.
    pub(super) fn peek(&mut self) -> Decoded<Head<'de>> {
        let rest = self.rest;
        let head = self.head();
        self.rest = rest;
        head
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

    fn bytes(&mut self, len: usize) -> Decoded<&'de [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(Fault::EndsEarly)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(Fault::EndsEarly)?;
        self.rest = rest;
        Ok(*array)
    }

    /// A length of `N` bytes.
    fn len<const N: usize>(&mut self) -> Decoded<u32> {
        let bytes = self.array::<N>()?;
        Ok(bytes.into_iter().fold(0, |len, byte| len << 8 | u32::from(byte)))
    }

    /// Bytes behind a length of `N` bytes.
    fn prefixed<const N: usize>(&mut self) -> Decoded<&'de [u8]> {
        let len = self.len::<N>()?;
        self.bytes(usize::try_from(len).map_err(|_| Fault::EndsEarly)?)
    }
}

fn text(bytes: &[u8]) -> Decoded<&str> {
    str::from_utf8(bytes).map_err(|_| Fault::NotUtf8)
}

/// Whether a visitor makes the buffer that serde's derive keeps values in which it cannot place yet.
///
/// That type has no public name. Should it get another, untagged enums need `serde_bytes` again.
pub(super) fn is_buffer<T>() -> bool {
    let name = type_name::<T>();
    name.starts_with("serde") && name.contains("::content::")
}

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = Fault;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        let head = self.head()?;
        self.visit(head, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        if matches!(self.peek()?, Head::Nil) {
            self.head()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Decoded<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Decoded<V::Value> {
        match self.head()? {
            // What `rmp-serde` writes for one.
            Head::Array(0) => visitor.visit_unit(),
            head => self.visit(head, visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        match self.head()? {
            Head::Bin(bytes) => match specialize::vec::<V, _>(bytes, copy::to_vec) {
                Ok(vec) => Ok(vec),
                Err(bytes) => visitor.visit_seq(Bytes::new(bytes)),
            },
            head => self.visit(head, visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Decoded<V::Value> {
        match self.head()? {
            Head::Bin(bytes) => Bytes::visit(bytes, visitor),
            head => self.visit(head, visitor),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        match self.head()? {
            Head::Bin(bytes) => visitor.visit_borrowed_bytes(bytes),
            head => self.mismatch(head, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        match self.head()? {
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
        let head = self.head()?;
        match wide(head) {
            Some(bytes) => visitor.visit_i128(i128::from_be_bytes(bytes)),
            None => self.visit(head, visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        let head = self.head()?;
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
        match self.head()? {
            Head::Str(name) => visitor.visit_enum(Named(text(name)?)),
            Head::Map(1) => self.within(|decoder| visitor.visit_enum(Variant(decoder))),
            Head::Map(len) => Err(Fault::invalid_length(len as usize, &"a map with one entry, the variant")),
            head => self.mismatch(head, visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        let len = msgpack::value_len(self.rest).ok_or(Fault::EndsEarly)?;
        self.bytes(len)?;
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

impl Fault {
    pub(super) fn too_many_elements(len: usize) -> Self {
        Self::invalid_length(len, &"fewer elements")
    }
}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Mismatch(excerpt(message))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndsEarly => f.write_str("ends too early"),
            Self::NoValue => f.write_str("no msgpack value"),
            Self::TooDeep => write!(f, "nests deeper than {MAX_DEPTH} levels"),
            Self::NotUtf8 => f.write_str("text that is not UTF-8"),
            Self::Mismatch(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Fault {}
