use std::fmt;

use serde::de::Error;

use super::sanitize::excerpt;
use crate::limits::MAX_DEPTH;

/// Why a value is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes end within the value. A body has been looked at before, so that this happens to no peer's.
    EndsEarly,
    /// A byte that msgpack does not use.
    NoValue,
    TooDeep,
    NotUtf8,
    /// Whatever the type says against it: an excerpt.
    Mismatch(Box<str>),
}

pub(super) type Decoded<T> = Result<T, Fault>;

impl Fault {
    pub(super) fn too_many_elements(len: usize) -> Self {
        Self::invalid_length(len, &"fewer elements")
    }
}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Mismatch(excerpt(message))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndsEarly => f.write_str("ends too early"),
            Self::NoValue => f.write_str("no msgpack value"),
            Self::TooDeep => write!(f, "nests deeper than {MAX_DEPTH} levels"),
            Self::NotUtf8 => f.write_str("text that is not UTF-8"),
            Self::Mismatch(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Fault {}
