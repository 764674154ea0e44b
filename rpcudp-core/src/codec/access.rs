//! serde's access types for arrays, maps and enums.
//!
//! This file and `decoder.rs` import each other. serde's traits require it: the access types
//! deserialize elements with the decoder, and the decoder passes them to visitors.

use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
};

use super::decoder::Decoder;
use super::value_error::{ValueError, ValueResult};

/// Access to the elements of an array.
pub(super) struct ArrayAccess<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: u32,
}

impl<'a, 'de> ArrayAccess<'a, 'de> {
    /// Passes the next `len` values to a visitor, which must take all of them.
    pub(super) fn visit<V: Visitor<'de>>(decoder: &'a mut Decoder<'de>, len: u32, visitor: V) -> ValueResult<V::Value> {
        let mut elements = Self { decoder, left: len };
        let value = visitor.visit_seq(&mut elements)?;
        if elements.left > 0 { Err(ValueError::too_many_elements(len as usize)) } else { Ok(value) }
    }
}

impl<'de> SeqAccess<'de> for &mut ArrayAccess<'_, 'de> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> ValueResult<Option<T::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

/// Access to the entries of a map.
pub(super) struct EntryAccess<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: u32,
}

impl<'a, 'de> EntryAccess<'a, 'de> {
    /// Passes the next `len` entries to a visitor, which must take all of them.
    pub(super) fn visit<V: Visitor<'de>>(decoder: &'a mut Decoder<'de>, len: u32, visitor: V) -> ValueResult<V::Value> {
        let mut entries = Self { decoder, left: len };
        let value = visitor.visit_map(&mut entries)?;
        if entries.left > 0 { Err(ValueError::too_many_elements(len as usize)) } else { Ok(value) }
    }
}

impl<'de> MapAccess<'de> for &mut EntryAccess<'_, 'de> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> ValueResult<Option<K::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> ValueResult<V::Value> {
        seed.deserialize(&mut *self.decoder)
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

/// Access to a unit variant: a str with its name.
pub(super) struct UnitVariantAccess<'de>(pub(super) &'de str);

/// Access to a variant with data: a map with one entry, from its name to its data.
pub(super) struct MapVariantAccess<'a, 'de>(pub(super) &'a mut Decoder<'de>);

impl<'de> EnumAccess<'de> for UnitVariantAccess<'de> {
    type Error = ValueError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> ValueResult<(V::Value, Self)> {
        let name = StrDeserializer::<ValueError>::new(self.0);
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for UnitVariantAccess<'de> {
    type Error = ValueError;

    fn unit_variant(self) -> ValueResult<()> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> ValueResult<T::Value> {
        Err(ValueError::invalid_type(Unexpected::UnitVariant, &"a variant that holds a value"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> ValueResult<V::Value> {
        Err(ValueError::invalid_type(Unexpected::UnitVariant, &visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> ValueResult<V::Value> {
        Err(ValueError::invalid_type(Unexpected::UnitVariant, &visitor))
    }
}

impl<'a, 'de> EnumAccess<'de> for MapVariantAccess<'a, 'de> {
    type Error = ValueError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> ValueResult<(V::Value, Self)> {
        Ok((seed.deserialize(&mut *self.0)?, self))
    }
}

impl<'de> VariantAccess<'de> for MapVariantAccess<'_, 'de> {
    type Error = ValueError;

    fn unit_variant(self) -> ValueResult<()> {
        <()>::deserialize(self.0)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> ValueResult<T::Value> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> ValueResult<V::Value> {
        self.0.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> ValueResult<V::Value> {
        self.0.deserialize_struct("", fields, visitor)
    }
}
