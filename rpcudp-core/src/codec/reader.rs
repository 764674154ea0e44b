use rmp::Marker;

use super::value_error::{ValueError, ValueResult};
use crate::msgpack;

/// The head of a value. It is the whole value, except for arrays and maps, whose elements follow.
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
    /// An extension value: its type and its data.
    Extension(i8, &'de [u8]),
}

/// Reads the heads of consecutive values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'de> {
    rest: &'de [u8],
}

impl<'de> Reader<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn head(&mut self) -> ValueResult<Head<'de>> {
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
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 => self.prefixed_extension::<1>()?,
            Marker::Ext16 => self.prefixed_extension::<2>()?,
            Marker::Ext32 => self.prefixed_extension::<4>()?,
            Marker::Reserved => return Err(ValueError::ReservedMarker),
        })
    }

    /// Returns the head of the next value without consuming it.
    pub(super) fn peek(&self) -> ValueResult<Head<'de>> {
        let mut ahead = *self;
        ahead.head()
    }

    /// Skips the next value.
    pub(super) fn skip(&mut self) -> ValueResult<()> {
        self.value().map(drop)
    }

    /// Reads the next value without decoding it.
    pub(super) fn value(&mut self) -> ValueResult<&'de [u8]> {
        let len = msgpack::value_len(self.rest).ok_or(ValueError::UnexpectedEnd)?;
        self.bytes(len)
    }

    fn bytes(&mut self, len: usize) -> ValueResult<&'de [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(ValueError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> ValueResult<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(ValueError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(*array)
    }

    /// Reads a length of `N` bytes.
    fn len<const N: usize>(&mut self) -> ValueResult<u32> {
        let bytes = self.array::<N>()?;
        Ok(bytes.into_iter().fold(0, |len, byte| len << 8 | u32::from(byte)))
    }

    /// Reads a length of `N` bytes, and as many bytes.
    fn prefixed<const N: usize>(&mut self) -> ValueResult<&'de [u8]> {
        let len = self.len::<N>()?;
        self.bytes(usize::try_from(len).map_err(|_| ValueError::UnexpectedEnd)?)
    }

    /// Reads the type of an extension value, and `len` bytes of data.
    fn extension(&mut self, len: usize) -> ValueResult<Head<'de>> {
        let kind = i8::from_be_bytes(self.array()?);
        Ok(Head::Extension(kind, self.bytes(len)?))
    }

    fn prefixed_extension<const N: usize>(&mut self) -> ValueResult<Head<'de>> {
        let len = self.len::<N>()?;
        self.extension(usize::try_from(len).map_err(|_| ValueError::UnexpectedEnd)?)
    }
}
