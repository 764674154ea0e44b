//! What lies within arrays, maps and sequences of bytes.

use serde::de::value::U8Deserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::decoder::{Decoded, Decoder, Fault};

/// The elements of an array.
pub(super) struct Items<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: u32,
}

impl<'a, 'de> Items<'a, 'de> {
    /// Shows the next `len` values to a visitor, which has to take them all.
    pub(super) fn visit<V: Visitor<'de>>(decoder: &'a mut Decoder<'de>, len: u32, visitor: V) -> Decoded<V::Value> {
        let mut items = Self { decoder, left: len };
        let value = visitor.visit_seq(&mut items)?;
        if items.left > 0 { Err(Fault::too_many_elements(len as usize)) } else { Ok(value) }
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Decoded<Option<T::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

/// The entries of a map.
pub(super) struct Entries<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: u32,
}

impl<'a, 'de> Entries<'a, 'de> {
    /// Shows the next `len` pairs of values to a visitor, which has to take them all.
    pub(super) fn visit<V: Visitor<'de>>(decoder: &'a mut Decoder<'de>, len: u32, visitor: V) -> Decoded<V::Value> {
        let mut entries = Self { decoder, left: len };
        let value = visitor.visit_map(&mut entries)?;
        if entries.left > 0 { Err(Fault::too_many_elements(len as usize)) } else { Ok(value) }
    }
}

impl<'de> MapAccess<'de> for &mut Entries<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Decoded<Option<K::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Decoded<V::Value> {
        seed.deserialize(&mut *self.decoder)
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

/// Bytes as a sequence of integers: what a `Vec<u8>` asks for.
pub(super) struct Bytes<'a> {
    bytes: std::slice::Iter<'a, u8>,
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
