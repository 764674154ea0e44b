//! Special cases for sequences of bytes.
//!
//! serde presents `Vec<u8>` and `&[u8]` as sequences of integers, but Python must receive `bytes`.
//! `rmp-serde` has modes that guess by the first element. With these, an empty `Vec<u8>` becomes an
//! array, and encoding fails for a `Vec` of an untagged enum whose first element is a `u8`. Here,
//! the type of the elements decides.
//!
//! A slice or `Vec` of bytes is detected before serde visits its bytes one by one, which takes
//! three times as long as a copy. In decoding, serde requests a sequence of integers and takes them
//! one by one, which takes two hundred times as long as a copy for a `Vec<u8>`.

use std::any::type_name;
use std::cell::Cell;
use std::fmt;

use castaway::cast;
use serde::de::Visitor;
use serde::ser::{Impossible, Serialize, Serializer};

/// Whether a sequence with elements of type `T` is a sequence of bytes.
pub(super) fn is_byte_type<T>() -> bool {
    // `TypeId` would require `T: 'static`. No other type has these names: the name of a user's type
    // `u8` includes its path.
    matches!(type_name::<T>(), "u8" | "&u8")
}

/// Whether `T` is `Content`, the buffer in which serde's derive stores values of which it does not
/// know the type yet.
///
/// The type has no public name. If serde renames it, untagged enums will need `serde_bytes`.
pub(super) fn is_content<T>() -> bool {
    let name = type_name::<T>();
    name.starts_with("serde") && name.contains("::content::")
}

/// Returns the bytes of a value that is a slice or a `Vec` of bytes, for a copy in one piece.
pub(super) fn as_byte_slice<T: ?Sized>(value: &T) -> Option<&[u8]> {
    match cast!(value, &[u8]) {
        Ok(bytes) => Some(bytes),
        Err(value) => cast!(value, &Vec<u8>).ok().map(Vec::as_slice),
    }
}

/// Returns the byte that `item` is.
pub(super) fn to_byte<T: Serialize>(item: &T) -> Option<u8> {
    item.serialize(ByteSerializer).ok()
}

/// Builds a `Vec<u8>` in one piece if the visitor is serde's own visitor for `Vec<u8>`. Returns the
/// bytes as the error for every other visitor.
pub(super) fn visit_vec<'de, V: Visitor<'de>, B>(bytes: B, to_vec: impl FnOnce(B) -> Vec<u8>) -> Result<V::Value, B> {
    // A visitor of a user may build its `Vec<u8>` differently. If serde renames its visitor,
    // decoding a `Vec<u8>` becomes slow, and stays correct.
    let visitor = type_name::<V>();
    if !visitor.starts_with("serde") || !visitor.ends_with("VecVisitor<u8>") {
        return Err(bytes);
    }
    // A `Cell`, because `castaway` 0.2.4 casts a `&mut` by copying the reference and then using the
    // original once more, which is undefined behaviour under Stacked Borrows. A `&Cell` may be
    // copied.
    let value = Cell::new(None);
    match cast!(&value, &Cell<Option<Vec<u8>>>) {
        Ok(vec) => vec.set(Some(to_vec(bytes))),
        Err(_) => return Err(bytes),
    }
    Ok(value.into_inner().expect("the value was just stored"))
}

/// A serializer that accepts a `u8` and nothing else.
struct ByteSerializer;

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

/// Defines methods of `Serializer` that fail.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $result:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$result, NotAByte> {
            Err(NotAByte)
        })*
    };
}

type Unsupported = Impossible<u8, NotAByte>;

impl Serializer for ByteSerializer {
    type Ok = u8;
    type Error = NotAByte;
    type SerializeSeq = Unsupported;
    type SerializeTuple = Unsupported;
    type SerializeTupleStruct = Unsupported;
    type SerializeTupleVariant = Unsupported;
    type SerializeMap = Unsupported;
    type SerializeStruct = Unsupported;
    type SerializeStructVariant = Unsupported;

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
        serialize_seq(Option<usize>) -> Unsupported;
        serialize_tuple(usize) -> Unsupported;
        serialize_tuple_struct(&'static str, usize) -> Unsupported;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Unsupported;
        serialize_map(Option<usize>) -> Unsupported;
        serialize_struct(&'static str, usize) -> Unsupported;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Unsupported;
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

    /// A deserializer that offers bytes in one piece to visitors of sequences.
    struct WholeBytes(&'static [u8]);

    impl<'de> Deserializer<'de> for WholeBytes {
        type Error = Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error::custom("not a sequence"))
        }

        fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            visit_vec::<V, _>(self.0, <[u8]>::to_vec).map_err(|_| Error::custom("not in one piece"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct tuple tuple_struct map struct enum identifier ignored_any
        }
    }

    #[test]
    fn only_a_vec_of_bytes_is_copied_in_one_piece() {
        assert_eq!(Vec::<u8>::deserialize(WholeBytes(b"bytes")), Ok(b"bytes".to_vec()));
        assert!(Vec::<u16>::deserialize(WholeBytes(b"bytes")).is_err());
        assert!(Vec::<Vec<u8>>::deserialize(WholeBytes(b"bytes")).is_err());
        assert!(std::collections::VecDeque::<u8>::deserialize(WholeBytes(b"bytes")).is_err());
        assert!(Box::<[u16]>::deserialize(WholeBytes(b"bytes")).is_err());
    }
}
