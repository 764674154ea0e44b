use std::fmt;

/// The error of [`Calls::insert`](super::Calls::insert) if the table is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyCalls {
    /// The maximum number of calls in the table.
    pub limit: usize,
}

impl fmt::Display for TooManyCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls are in flight, which is the limit", self.limit)
    }
}

impl std::error::Error for TooManyCalls {}
