use serde::ser::{Serialize, Serializer};

use super::container::{Container, WriteHead, array_head, map_head, msgpack_len};
use super::encode_error::{EncodeError, EncodeResult};
use super::extension::{self, EXTENSION_NAME};
use super::raw::{self, RAW_NAME};
use super::specialize::{as_byte_slice, is_byte_type, to_byte};
use super::wide;
use crate::copy;
use crate::limits::MAX_DEPTH;
use crate::msgpack::{append_bin_head, append_str_head, append_uint, infallible};

/// Appends `value` to `out` as msgpack.
///
/// Allocates no memory besides `out`.
///
/// # Errors
///
/// Fails if the value nests deeper than [`MAX_DEPTH`] allows, if a sequence has another length than
/// it announced, or if the `Serialize` of the type fails. `out` then contains a part of the value.
pub fn encode<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), EncodeError> {
    // In a request, arguments are inside two arrays.
    Encoder { out, remaining_depth: MAX_DEPTH - 2 }.value(value)
}

/// Writes values. They may contain `remaining_depth` more levels of arrays and maps.
///
/// This file and `container.rs` import each other, as described there.
pub(super) struct Encoder<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) remaining_depth: usize,
}

impl<'a> Encoder<'a> {
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> EncodeResult {
        match as_byte_slice(value) {
            Some(bytes) => self.serialize_bytes(bytes),
            None => value.serialize(self),
        }
    }

    fn open<'e>(
        &'e mut self,
        announced: Option<usize>,
        write_head: WriteHead,
    ) -> Result<Container<'e, 'a>, EncodeError> {
        self.enter_level()?;
        Container::open(self, announced, 1, write_head)
    }

    /// Opens the data of a variant, in a map with one entry from the variant's name.
    fn open_variant<'e>(
        &'e mut self,
        variant: &'static str,
        len: usize,
        write_head: WriteHead,
    ) -> Result<Container<'e, 'a>, EncodeError> {
        self.enter_level()?;
        map_head(self.out, 1);
        append_str_head(self.out, msgpack_len(variant.len())?);
        self.out.extend_from_slice(variant.as_bytes());
        self.enter_level()?;
        Container::open(self, Some(len), 2, write_head)
    }

    fn enter_level(&mut self) -> EncodeResult {
        self.remaining_depth =
            self.remaining_depth.checked_sub(1).ok_or(EncodeError::TooDeep { limit: MAX_DEPTH - 2 })?;
        Ok(())
    }

    fn byte_sequence<T: Serialize>(&mut self, len: usize, items: impl Iterator<Item = T>) -> EncodeResult {
        append_bin_head(self.out, msgpack_len(len)?);
        let start = self.out.len();
        self.out.extend(items.map(|item| to_byte(&item).expect("a u8 serializes as a u8")));
        let given = self.out.len() - start;
        if given == len { Ok(()) } else { Err(EncodeError::WrongLength { announced: len, given }) }
    }
}

impl<'e, 'a> Serializer for &'e mut Encoder<'a> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Container<'e, 'a>;
    type SerializeTuple = Container<'e, 'a>;
    type SerializeTupleStruct = Container<'e, 'a>;
    type SerializeTupleVariant = Container<'e, 'a>;
    type SerializeMap = Container<'e, 'a>;
    type SerializeStruct = Container<'e, 'a>;
    type SerializeStructVariant = Container<'e, 'a>;

    /// As the decoder, which gives the reason.
    fn is_human_readable(&self) -> bool {
        true
    }

    fn serialize_bool(self, value: bool) -> EncodeResult {
        infallible(rmp::encode::write_bool(self.out, value));
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> EncodeResult {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> EncodeResult {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> EncodeResult {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> EncodeResult {
        infallible(rmp::encode::write_sint(self.out, value));
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> EncodeResult {
        match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => self.serialize_u64(value),
            (_, Ok(value)) => self.serialize_i64(value),
            _ => self.serialize_bytes(&wide::from_i128(value)[usize::from(value >= 0)..]),
        }
    }

    fn serialize_u8(self, value: u8) -> EncodeResult {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> EncodeResult {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> EncodeResult {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> EncodeResult {
        append_uint(self.out, value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> EncodeResult {
        match u64::try_from(value) {
            Ok(value) => self.serialize_u64(value),
            Err(_) => self.serialize_bytes(&value.to_be_bytes()),
        }
    }

    fn serialize_f32(self, value: f32) -> EncodeResult {
        infallible(rmp::encode::write_f32(self.out, value));
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> EncodeResult {
        infallible(rmp::encode::write_f64(self.out, value));
        Ok(())
    }

    fn serialize_char(self, value: char) -> EncodeResult {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> EncodeResult {
        append_str_head(self.out, msgpack_len(value.len())?);
        copy::append(self.out, value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> EncodeResult {
        append_bin_head(self.out, msgpack_len(value.len())?);
        copy::append(self.out, value);
        Ok(())
    }

    fn serialize_none(self) -> EncodeResult {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> EncodeResult {
        self.value(value)
    }

    fn serialize_unit(self) -> EncodeResult {
        infallible(rmp::encode::write_nil(self.out));
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> EncodeResult {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> EncodeResult {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> EncodeResult {
        if name != EXTENSION_NAME && name != RAW_NAME {
            return self.value(value);
        }
        let start = self.out.len();
        if name == RAW_NAME {
            self.value(value)?;
            return raw::from_bytes(self.out, start, self.remaining_depth);
        }
        // The pair is an array for the moment, and an extension value is no level.
        self.remaining_depth += 1;
        self.value(value)?;
        self.remaining_depth -= 1;
        extension::from_pair(self.out, start)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> EncodeResult {
        let mut outer = self.open(Some(1), map_head)?;
        outer.field(variant, value)?;
        outer.close()
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Container<'e, 'a>, EncodeError> {
        self.open(len, array_head)
    }

    fn serialize_tuple(self, len: usize) -> Result<Container<'e, 'a>, EncodeError> {
        self.open(Some(len), array_head)
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Container<'e, 'a>, EncodeError> {
        self.open(Some(len), array_head)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Container<'e, 'a>, EncodeError> {
        self.open_variant(variant, len, array_head)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Container<'e, 'a>, EncodeError> {
        self.open(len, map_head)
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Container<'e, 'a>, EncodeError> {
        self.open(Some(len), map_head)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Container<'e, 'a>, EncodeError> {
        self.open_variant(variant, len, map_head)
    }

    fn collect_seq<I>(self, items: I) -> EncodeResult
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        let mut items = items.into_iter();
        let len = match items.size_hint() {
            (lower, Some(upper)) if lower == upper => Some(lower),
            _ => None,
        };
        if let (Some(len), true) = (len, is_byte_type::<I::Item>()) {
            return self.byte_sequence(len, items);
        }
        let mut array = self.open(len, array_head)?;
        items.try_for_each(|item| array.element(&item))?;
        array.close()
    }
}
