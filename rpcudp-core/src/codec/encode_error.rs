use std::fmt;

use super::sanitize::excerpt;

/// Why a value could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The value nests deeper than the peer would accept.
    TooDeep {
        /// The number of levels allowed.
        limit: usize,
    },
    /// A sequence, map or struct announced one number of elements and gave another.
    WrongLength {
        /// What it announced.
        announced: usize,
        /// What it gave.
        given: usize,
    },
    /// A sequence or map has more elements than msgpack can say.
    TooLong {
        /// The number of its elements.
        len: usize,
    },
    /// The type's own `Serialize` gave up, and said this: at most 200 characters are kept, control characters escaped.
    Custom(Box<str>),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep { limit } => write!(f, "the value nests deeper than {limit} levels"),
            Self::WrongLength { announced, given } => write!(f, "announced {announced} elements and gave {given}"),
            Self::TooLong { len } => write!(f, "{len} elements are more than msgpack allows ({})", u32::MAX),
            Self::Custom(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for EncodeError {}

impl serde::ser::Error for EncodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Custom(excerpt(message))
    }
}

pub(super) type Encoded = Result<(), EncodeError>;
