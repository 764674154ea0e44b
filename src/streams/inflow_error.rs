use std::error::Error;
use std::fmt;

use crate::client::no_error::NoError;
use crate::{DecodeError, LinkEnd};

/// The reason why an [`Inflow`](crate::Inflow) has ended before its last item. `E` is the sender's
/// own error.
#[derive(Debug)]
#[non_exhaustive]
pub enum InflowError<E = NoError> {
    /// The sender has ended the stream with an error of its own.
    Application(E),
    /// The sender has given up the stream: it was dropped or panicked before the last item, or an
    /// item could not be encoded.
    Cancelled,
    /// The link to the sender has ended, or the endpoint has closed.
    Link(LinkEnd),
    /// The session of the caller has ended, and the method needs it (`#[rpc(session)]`): the member
    /// has left, was evicted, or its lease has expired.
    SessionEnded,
    /// An item does not decode as the declared type, or the error does not.
    Decode(DecodeError),
    /// The sender has broken the protocol of streams.
    Malformed,
}

impl<E: fmt::Display> fmt::Display for InflowError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(error) => write!(f, "the sender ended the stream: {error}"),
            Self::Cancelled => f.write_str("the sender gave up the stream before its last item"),
            Self::Link(reason) => write!(f, "the stream ended with its link: {reason}"),
            Self::SessionEnded => f.write_str("the stream ended with the caller's session"),
            Self::Decode(error) => write!(f, "an item of the stream cannot be decoded: {error}"),
            Self::Malformed => f.write_str("the sender broke the protocol of streams"),
        }
    }
}

impl<E: Error + 'static> Error for InflowError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Application(error) => Some(error),
            Self::Link(reason) => Some(reason),
            Self::Decode(error) => Some(error),
            Self::Cancelled | Self::SessionEnded | Self::Malformed => None,
        }
    }
}
