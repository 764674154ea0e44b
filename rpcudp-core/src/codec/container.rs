use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::encode::Encoder;
use super::encode_error::{EncodeError, EncodeResult};
use crate::msgpack::{append_array_head, append_str_head, infallible};

/// Writes the head of a container with a number of elements.
pub(super) type WriteHead = fn(&mut Vec<u8>, u32);

/// A container in the process of being written: an array, a map or an enum's variant.
///
/// This file and `encode.rs` import each other. serde's traits require it: a container serializes
/// its elements with the encoder, and the encoder returns containers.
pub(super) struct Container<'e, 'a> {
    encoder: &'e mut Encoder<'a>,
    announced: Option<usize>,
    given: usize,
    /// The number of levels that closing the container leaves. A variant is in a map and has two.
    levels: usize,
    /// The position of the first element. A head of unknown length is inserted here at the end.
    start: usize,
    write_head: WriteHead,
}

impl<'e, 'a> Container<'e, 'a> {
    #[inline]
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

    #[inline]
    pub(super) fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> EncodeResult {
        self.given += 1;
        self.encoder.value(value)
    }

    pub(super) fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> EncodeResult {
        append_str_head(self.encoder.out, msgpack_len(key.len())?);
        self.encoder.out.extend_from_slice(key.as_bytes());
        self.element(value)
    }

    #[inline]
    pub(super) fn close(self) -> EncodeResult {
        self.encoder.remaining_depth += self.levels;
        match self.announced {
            Some(announced) if announced != self.given => {
                Err(EncodeError::WrongLength { announced, given: self.given })
            }
            Some(_) => Ok(()),
            None => {
                // The length is known only now: append the head and rotate it before the elements.
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

/// Implements serde's traits for containers. They differ in the names of their methods, and in
/// whether fields have keys.
macro_rules! serialize {
    ($($container:ident :: $method:ident ($($key:ident)?) => $write:ident;)*) => {$(
        impl $container for Container<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, $($key: &'static str,)? value: &T) -> EncodeResult {
                self.$write($($key,)? value)
            }

            fn end(self) -> EncodeResult {
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

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> EncodeResult {
        key.serialize(&mut *self.encoder)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> EncodeResult {
        self.element(value)
    }

    fn end(self) -> EncodeResult {
        self.close()
    }
}

pub(super) fn array_head(out: &mut Vec<u8>, len: u32) {
    append_array_head(out, len);
}

pub(super) fn map_head(out: &mut Vec<u8>, len: u32) {
    infallible(rmp::encode::write_map_len(out, len));
}

/// Converts a length to msgpack's 32 bits. Fails if it does not fit.
pub(super) fn msgpack_len(len: usize) -> Result<u32, EncodeError> {
    u32::try_from(len).map_err(|_| EncodeError::TooLong { len })
}
