use std::fmt;

use crate::sanitize::sanitized;

/// The error of a value that cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The value nests deeper than peers accept.
    TooDeep {
        /// The maximum number of levels.
        limit: usize,
    },
    /// A sequence, map or struct has another number of elements than it announced.
    WrongLength {
        /// The announced number of elements.
        announced: usize,
        /// The actual number of elements.
        given: usize,
    },
    /// A sequence or map has more elements than msgpack's 32-bit length allows.
    TooLong {
        /// The number of elements.
        len: usize,
    },
    /// The message of a failed `Serialize`. At most 200 characters are kept, and control characters
    /// are escaped.
    Custom(Box<str>),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep { limit } => write!(f, "the value nests deeper than {limit} levels"),
            Self::WrongLength { announced, given } => {
                write!(f, "{announced} elements were announced, and {given} written")
            }
            Self::TooLong { len } => write!(f, "{len} elements are more than msgpack allows ({})", u32::MAX),
            Self::Custom(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for EncodeError {}

impl serde::ser::Error for EncodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Custom(sanitized(message))
    }
}

pub(super) type EncodeResult = Result<(), EncodeError>;
