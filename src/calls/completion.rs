use std::io;

use rpcudp_core::{FailureCode, TooManyCalls};

use super::response_body::ResponseBody;

/// The completion of a call, as far as the endpoint knows: the response is not decoded yet.
#[derive(Debug)]
pub(crate) enum Completion {
    /// A response with a value.
    Response(ResponseBody),
    /// A failure frame.
    Failure(Box<Failure>),
    /// No response within the timeout.
    TimedOut,
    /// The network reported the peer as unreachable.
    Unreachable,
    /// The socket refused to send the request after it had been queued.
    Unsendable(io::Error),
    /// The endpoint closed.
    Closed,
}

/// The contents of a failure frame.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: FailureCode,
    pub(crate) message: Box<str>,
    pub(crate) detail: Option<Vec<u8>>,
}

/// The reason why a call could not be started.
#[derive(Debug)]
pub(crate) enum StartError {
    Closed,
    TooMany(TooManyCalls),
}
