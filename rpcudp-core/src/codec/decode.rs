use std::{any, fmt};

use serde::Deserialize;
use serde::de::Error;

use super::decoder::Decoder;
use super::value_error::Fault;

/// Reads a `T` from the msgpack value that `bytes` begin with, borrowing from it where `T` can.
///
/// # Errors
///
/// Where the value is not a `T`.
pub fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    T::deserialize(&mut Decoder::new(bytes)).map_err(DecodeError::of::<T>)
}

/// Why an answer is not of the declared type.
#[derive(Clone, Debug)]
pub struct DecodeError {
    type_name: &'static str,
    fault: Fault,
}

impl DecodeError {
    /// An answer that was to be a `type_name` and is none, for this reason: at most 200 characters are kept of it, control
    /// characters escaped.
    ///
    /// ```
    /// # use rpcudp_core::codec::DecodeError;
    /// assert_eq!(DecodeError::new("Date", "there is no 30 February").to_string(), "not a `Date`: there is no 30 February");
    /// ```
    #[must_use]
    pub fn new(type_name: &'static str, reason: impl fmt::Display) -> Self {
        Self { type_name, fault: Fault::custom(reason) }
    }

    pub(super) fn of<T>(fault: Fault) -> Self {
        Self { type_name: any::type_name::<T>(), fault }
    }

    /// The type that was expected.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a `{}`: {}", self.type_name, self.fault)
    }
}

impl std::error::Error for DecodeError {}
