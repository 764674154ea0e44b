use std::slice;

use serde::de::value::U8Deserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, SeqAccess, Visitor};

use super::value_error::{ValueError, ValueResult};

/// Access to bytes as a sequence of integers, as the `Deserialize` of `Vec<u8>` requests them.
pub(super) struct ByteAccess<'a> {
    bytes: slice::Iter<'a, u8>,
}

impl<'a> ByteAccess<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    /// Passes bytes to a visitor, which must take all of them.
    pub(super) fn visit<'de, V: Visitor<'de>>(bytes: &'a [u8], visitor: V) -> ValueResult<V::Value> {
        let mut access = Self::new(bytes);
        let value = visitor.visit_seq(&mut access)?;
        if access.bytes.len() > 0 { Err(ValueError::too_many_elements(bytes.len())) } else { Ok(value) }
    }
}

impl<'de> SeqAccess<'de> for ByteAccess<'_> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> ValueResult<Option<T::Value>> {
        let Some(byte) = self.bytes.next() else { return Ok(None) };
        let byte: U8Deserializer<ValueError> = byte.into_deserializer();
        seed.deserialize(byte).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.bytes.len())
    }
}
