use std::error::Error;
use std::fmt;

use crate::EncodeError;

/// The reason why an item cannot be sent with an [`OutflowSender`](crate::OutflowSender).
#[derive(Debug)]
#[non_exhaustive]
pub enum OutflowError {
    /// The receiver has gone: it was dropped, its link or session has ended, or the method has
    /// responded.
    Closed,
    /// The item cannot be encoded. The stream goes on without it.
    Encode(EncodeError),
    /// The item is longer than an item may be, in bytes of its encoding. The stream goes on without
    /// it. Send large data in several items.
    TooLarge {
        /// The length of the item.
        size: usize,
        /// The limit: 1 MiB.
        limit: usize,
    },
}

impl fmt::Display for OutflowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the receiver of the stream has gone"),
            Self::Encode(error) => write!(f, "the item cannot be encoded: {error}"),
            Self::TooLarge { size, limit } => {
                write!(f, "the item has {size} bytes, and {limit} are allowed: send it in several items")
            }
        }
    }
}

impl Error for OutflowError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            Self::Closed | Self::TooLarge { .. } => None,
        }
    }
}
