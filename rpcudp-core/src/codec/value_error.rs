use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use super::{attempts, buffered_bytes};
use crate::limits::MAX_DEPTH;
use crate::sanitize::sanitized;

/// The error of a value that does not decode as the requested type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ValueError {
    /// The bytes end inside the value. Does not occur with a body that `Frame::decode` has
    /// accepted.
    UnexpectedEnd,
    /// The byte 0xc1, which msgpack reserves.
    ReservedMarker,
    TooDeep,
    InvalidUtf8,
    /// An untagged enum tries too many variants.
    TooManyAttempts,
    /// The message of the type's `Deserialize`, sanitized.
    Custom(Box<str>),
}

pub(super) type ValueResult<T> = Result<T, ValueError>;

impl ValueError {
    pub(super) fn too_many_elements(len: usize) -> Self {
        Self::invalid_length(len, &"fewer elements")
    }
}

impl Error for ValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        attempts::count();
        Self::Custom(sanitized(message))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match unexpected {
            // Only an extension value is passed to visitors as a newtype struct unasked.
            Unexpected::NewtypeStruct => Self::invalid_type(Unexpected::Other("msgpack extension"), expected),
            _ => Self::custom(format_args!("invalid type: {unexpected}, expected {expected}")),
        }
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        if let Unexpected::Bytes(bytes) = unexpected {
            buffered_bytes::note_refusal(bytes);
        }
        Self::custom(format_args!("invalid value: {unexpected}, expected {expected}"))
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedEnd => f.write_str("unexpected end of input"),
            Self::ReservedMarker => f.write_str("reserved byte 0xc1"),
            Self::TooDeep => write!(f, "nests deeper than {MAX_DEPTH} levels"),
            Self::TooManyAttempts => f.write_str("too many variants of an untagged enum to try"),
            Self::InvalidUtf8 => f.write_str("invalid UTF-8 in text"),
            Self::Custom(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for ValueError {}
