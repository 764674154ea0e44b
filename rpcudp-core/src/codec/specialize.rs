//! Finding out that a sequence is one of bytes.
//!
//! serde shows `Vec<u8>` and `&[u8]` as sequences of integers; Python has to see `bytes`. `rmp-serde` has modes for
//! that, which look at the first element and guess: an empty `Vec<u8>` becomes an array, and a `Vec` of an untagged
//! enum whose first element happens to be a `u8` fails. The element's type answers the question for good.
//!
//! A slice or a `Vec` of them is known as such before serde shows its bytes one by one, which takes three times as long as a
//! copy. The other way round serde asks for a sequence of integers and takes them one by one, which takes a `Vec<u8>` two
//! hundred times as long.

use std::any::type_name;
use std::fmt;

use castaway::cast;
use serde::de::Visitor;
use serde::ser::{Impossible, Serialize, Serializer};

/// Whether a sequence with items of type `T` is one of bytes.
pub(super) fn is_byte<T>() -> bool {
    // `TypeId` would need `T: 'static`. No other type prints so: a user's own `u8` would have a path before its name.
    matches!(type_name::<T>(), "u8" | "&u8")
}

/// Whether a visitor makes the buffer that serde's derive keeps values in which it cannot place yet.
///
/// That type has no public name. Should it get another, untagged enums need `serde_bytes` again.
pub(super) fn is_buffer<T>() -> bool {
    let name = type_name::<T>();
    name.starts_with("serde") && name.contains("::content::")
}

/// The bytes that `value` consists of, if it is a slice or a `Vec` of them: to be copied at once.
pub(super) fn bytes_in<T: ?Sized>(value: &T) -> Option<&[u8]> {
    match cast!(value, &[u8]) {
        Ok(bytes) => Some(bytes),
        Err(value) => cast!(value, &Vec<u8>).ok().map(Vec::as_slice),
    }
}

/// The byte that `item` is.
pub(super) fn byte<T: Serialize>(item: &T) -> Option<u8> {
    item.serialize(OnlyByte).ok()
}

/// The `Vec<u8>` that serde's own visitor would make of these bytes one by one; every other visitor gets them back.
pub(super) fn vec<'de, V: Visitor<'de>, B>(bytes: B, to_vec: impl FnOnce(B) -> Vec<u8>) -> Result<V::Value, B> {
    // A user's own visitor may make a `Vec<u8>` in a way of its own. Should this one get another name, a `Vec<u8>` takes
    // its time again.
    let visitor = type_name::<V>();
    if !visitor.starts_with("serde") || !visitor.ends_with("VecVisitor<u8>") {
        return Err(bytes);
    }
    let mut value = None;
    match cast!(&mut value, &mut Option<Vec<u8>>) {
        Ok(vec) => *vec = Some(to_vec(bytes)),
        Err(_) => return Err(bytes),
    }
    Ok(value.expect("it was put there"))
}

/// Serializes a `u8` to itself and refuses everything else.
struct OnlyByte;

#[derive(Debug)]
struct NotAByte;

impl fmt::Display for NotAByte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a byte")
    }
}

impl std::error::Error for NotAByte {}

impl serde::ser::Error for NotAByte {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Methods of `Serializer` that take these arguments and refuse.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $result:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$result, NotAByte> {
            Err(NotAByte)
        })*
    };
}

type Never = Impossible<u8, NotAByte>;

impl Serializer for OnlyByte {
    type Ok = u8;
    type Error = NotAByte;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    fn serialize_u8(self, value: u8) -> Result<u8, NotAByte> {
        Ok(value)
    }

    refuse! {
        serialize_bool(bool) -> u8;
        serialize_i8(i8) -> u8;
        serialize_i16(i16) -> u8;
        serialize_i32(i32) -> u8;
        serialize_i64(i64) -> u8;
        serialize_u16(u16) -> u8;
        serialize_u32(u32) -> u8;
        serialize_u64(u64) -> u8;
        serialize_f32(f32) -> u8;
        serialize_f64(f64) -> u8;
        serialize_char(char) -> u8;
        serialize_str(&str) -> u8;
        serialize_bytes(&[u8]) -> u8;
        serialize_none() -> u8;
        serialize_unit() -> u8;
        serialize_unit_struct(&'static str) -> u8;
        serialize_unit_variant(&'static str, u32, &'static str) -> u8;
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct(&'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<u8, NotAByte> {
        Err(NotAByte)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<u8, NotAByte> {
        Err(NotAByte)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<u8, NotAByte> {
        Err(NotAByte)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::value::Error;
    use serde::de::{Deserializer, Error as _};
    use serde::forward_to_deserialize_any;

    use super::*;

    /// Gives every visitor that asks for a sequence the bytes at once, if it is one that takes them.
    struct AtOnce(&'static [u8]);

    impl<'de> Deserializer<'de> for AtOnce {
        type Error = Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error::custom("no sequence"))
        }

        fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            vec::<V, _>(self.0, <[u8]>::to_vec).map_err(|_| Error::custom("not at once"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct tuple tuple_struct map struct enum identifier ignored_any
        }
    }

    #[test]
    fn serdes_own_vec_of_bytes_is_copied_at_once_and_nothing_else_is() {
        assert_eq!(Vec::<u8>::deserialize(AtOnce(b"bytes")), Ok(b"bytes".to_vec()));
        assert!(Vec::<u16>::deserialize(AtOnce(b"bytes")).is_err());
        assert!(Vec::<Vec<u8>>::deserialize(AtOnce(b"bytes")).is_err());
        assert!(std::collections::VecDeque::<u8>::deserialize(AtOnce(b"bytes")).is_err());
        assert!(Box::<[u16]>::deserialize(AtOnce(b"bytes")).is_err());
    }
}
