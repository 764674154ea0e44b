use std::{any, fmt};

use rmp::Marker;
use rmp_serde::decode::{Error, ReadRefReader};
use serde::Deserialize;

pub(super) type Decoder<'de> = rmp_serde::Deserializer<ReadRefReader<'de, [u8]>>;

/// Reads a `T` from the msgpack value that `bytes` begin with, borrowing from it where `T` can.
///
/// # Errors
///
/// Where the value is not a `T`.
pub fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    T::deserialize(&mut Decoder::from_read_ref(bytes))
        .map_err(|source| DecodeError { type_name: any::type_name::<T>(), source })
}

/// Why an answer is not of the declared type.
#[derive(Debug)]
pub struct DecodeError {
    type_name: &'static str,
    source: Error,
}

impl DecodeError {
    /// The type that was expected.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a `{}`: {}", self.type_name, Explained(&self.source))
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// rmp-serde's errors in the words of people who have not read msgpack's table of markers.
pub(super) struct Explained<'a>(pub(super) &'a Error);

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Error::TypeMismatch(marker) => write!(f, "unexpected {}", kind_of(*marker)),
            Error::LengthMismatch(expected) => write!(f, "{expected} elements were expected"),
            Error::OutOfRange => f.write_str("number out of range"),
            Error::Utf8Error(_) => f.write_str("invalid UTF-8"),
            Error::InvalidMarkerRead(_) | Error::InvalidDataRead(_) => f.write_str("ends too early"),
            other => write!(f, "{other}"),
        }
    }
}

fn kind_of(marker: Marker) -> &'static str {
    match marker {
        Marker::Null => "nil",
        Marker::True | Marker::False => "boolean",
        Marker::F32 | Marker::F64 => "float",
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => "string",
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => "binary",
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => "array",
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => "map",
        Marker::FixPos(_) | Marker::FixNeg(_) | Marker::U8 | Marker::U16 | Marker::U32 | Marker::U64 => "integer",
        Marker::I8 | Marker::I16 | Marker::I32 | Marker::I64 => "integer",
        _ => "extension",
    }
}
