use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::encode::Encoder;
use super::encode_error::{EncodeError, Encoded};
use crate::msgpack::infallible;

/// Writes the head of a container that has this many elements.
pub(super) type WriteHead = fn(&mut Vec<u8>, u32);

/// A container whose head is written and whose elements follow.
pub(super) struct Container<'e, 'a> {
    encoder: &'e mut Encoder<'a>,
    announced: Option<usize>,
    given: usize,
    /// How many levels closing it leaves: an enum's variant has a map around it.
    levels: usize,
    /// Where the elements start: the head is put there at the end if the length was not known.
    start: usize,
    write_head: WriteHead,
}

impl<'e, 'a> Container<'e, 'a> {
    pub(super) fn open(
        encoder: &'e mut Encoder<'a>,
        announced: Option<usize>,
        levels: usize,
        write_head: WriteHead,
    ) -> Result<Self, EncodeError> {
        if let Some(len) = announced {
            write_head(encoder.out, msgpack_len(len)?);
        }
        let start = encoder.out.len();
        Ok(Self { encoder, announced, given: 0, levels, start, write_head })
    }

    pub(super) fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Encoded {
        self.given += 1;
        self.encoder.value(value)
    }

    pub(super) fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Encoded {
        infallible(rmp::encode::write_str(self.encoder.out, key));
        self.element(value)
    }

    pub(super) fn close(self) -> Encoded {
        self.encoder.levels_left += self.levels;
        match self.announced {
            Some(announced) if announced != self.given => {
                Err(EncodeError::WrongLength { announced, given: self.given })
            }
            Some(_) => Ok(()),
            None => {
                // What follows a head of unknown length is written, so that the head is written after it and rotated
                // into its place.
                let out = &mut *self.encoder.out;
                let head_start = out.len();
                (self.write_head)(out, msgpack_len(self.given)?);
                let head_len = out.len() - head_start;
                out[self.start..].rotate_right(head_len);
                Ok(())
            }
        }
    }
}

/// serde's traits for containers, which differ in the names of their methods and in whether a field has a key.
macro_rules! serialize {
    ($($container:ident :: $method:ident ($($key:ident)?) => $write:ident;)*) => {$(
        impl $container for Container<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, $($key: &'static str,)? value: &T) -> Encoded {
                self.$write($($key,)? value)
            }

            fn end(self) -> Encoded {
                self.close()
            }
        }
    )*};
}

serialize! {
    SerializeSeq::serialize_element() => element;
    SerializeTuple::serialize_element() => element;
    SerializeTupleStruct::serialize_field() => element;
    SerializeTupleVariant::serialize_field() => element;
    SerializeStruct::serialize_field(key) => field;
    SerializeStructVariant::serialize_field(key) => field;
}

impl SerializeMap for Container<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Encoded {
        key.serialize(&mut *self.encoder)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Encoded {
        self.element(value)
    }

    fn end(self) -> Encoded {
        self.close()
    }
}

pub(super) fn array_head(out: &mut Vec<u8>, len: u32) {
    infallible(rmp::encode::write_array_len(out, len));
}

pub(super) fn map_head(out: &mut Vec<u8>, len: u32) {
    infallible(rmp::encode::write_map_len(out, len));
}

/// A length that msgpack can say.
///
/// # Errors
///
/// Where it cannot.
pub(super) fn msgpack_len(len: usize) -> Result<u32, EncodeError> {
    u32::try_from(len).map_err(|_| EncodeError::TooLong { len })
}
