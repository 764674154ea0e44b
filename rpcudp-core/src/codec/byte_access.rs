use std::slice;

use serde::de::value::U8Deserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, SeqAccess, Visitor};

use super::value_error::{Decoded, Fault};

/// Bytes as a sequence of integers: what a `Vec<u8>` asks for.
pub(super) struct Bytes<'a> {
    bytes: slice::Iter<'a, u8>,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    /// Shows bytes to a visitor, which has to take them all.
    pub(super) fn visit<'de, V: Visitor<'de>>(bytes: &'a [u8], visitor: V) -> Decoded<V::Value> {
        let mut items = Self::new(bytes);
        let value = visitor.visit_seq(&mut items)?;
        if items.bytes.len() > 0 { Err(Fault::too_many_elements(bytes.len())) } else { Ok(value) }
    }
}

impl<'de> SeqAccess<'de> for Bytes<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Decoded<Option<T::Value>> {
        let Some(byte) = self.bytes.next() else { return Ok(None) };
        let byte: U8Deserializer<Fault> = byte.into_deserializer();
        seed.deserialize(byte).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.bytes.len())
    }
}
