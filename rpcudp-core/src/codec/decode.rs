use std::{any, fmt};

use serde::Deserialize;
use serde::de::Error;

use super::attempts;
use super::decoder::Decoder;
use super::value_error::ValueError;

/// Decodes a `T` from the first msgpack value in `bytes`. Borrows from `bytes` if `T` can.
///
/// # Errors
///
/// Fails if the value does not decode as `T`.
pub fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    let decode = || Decoder::new(bytes).value();
    attempts::bounded(bytes.len(), ValueError::TooManyAttempts, decode).map_err(DecodeError::of::<T>)
}

/// The error of a value that does not decode as the declared type.
#[derive(Clone, Debug)]
pub struct DecodeError {
    type_name: &'static str,
    error: ValueError,
}

impl DecodeError {
    /// Creates an error for a value that is not a `type_name`. Keeps at most 200 characters of
    /// `reason` and escapes control characters.
    ///
    /// ```
    /// # use rpcudp_core::codec::DecodeError;
    /// assert_eq!(DecodeError::new("Date", "there is no 30 February").to_string(), "not a `Date`: there is no 30 February");
    /// ```
    #[must_use]
    pub fn new(type_name: &'static str, reason: impl fmt::Display) -> Self {
        Self { type_name, error: ValueError::custom(reason) }
    }

    pub(super) fn of<T>(error: ValueError) -> Self {
        Self { type_name: any::type_name::<T>(), error }
    }

    /// Returns the name of the expected type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a `{}`: {}", self.type_name, self.error)
    }
}

impl std::error::Error for DecodeError {}
