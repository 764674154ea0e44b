use std::{error, fmt};

/// The application's own error of a method that has none: a type without values.
///
/// It is a type of this crate, and not [`std::convert::Infallible`], so that `?` converts the
/// [`CallError`](crate::CallError) of such a method to that of any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoError {}

impl fmt::Display for NoError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl error::Error for NoError {}
