use std::{io, mem};

use rpcudp_core::{DropReason, FailureCode, TooManyCalls};

use super::response_body::ResponseBody;
use crate::buffer_pool;

/// The completion of a call, as far as the endpoint knows: the response is not decoded yet.
#[derive(Debug)]
pub(crate) enum Completion {
    /// A response with a value.
    Response(ResponseBody),
    /// A failure frame.
    Failure(Box<Failure>),
    /// A response or failure frame with a body that is invalid, for this reason.
    Undecodable(DropReason),
    /// No response within the timeout. The error is that of the last transmission, if the socket
    /// refused it.
    TimedOut(Option<io::Error>),
    /// The network reported the peer as unreachable. With the request, if it was kept.
    Unreachable(Vec<u8>),
    /// The socket refused to send the request.
    Unsendable {
        error: io::Error,
        /// The request, if it was kept after it had been queued.
        request: Vec<u8>,
    },
    /// The endpoint closed.
    Closed,
    /// The link to the peer ended, or could not be opened. In a box, because its reason is large.
    #[cfg(feature = "secure")]
    LinkEnded(Box<EndedLink>),
}

/// The end of the link of a call.
#[cfg(feature = "secure")]
#[derive(Debug)]
pub(crate) struct EndedLink {
    pub(crate) reason: rpcudp_secure::LinkEnd,
    /// Whether the request may have been sent over a link that was up.
    pub(crate) may_have_run: bool,
    /// The request, if it was kept.
    request: Vec<u8>,
}

impl Completion {
    #[cfg(feature = "secure")]
    pub(crate) fn link_ended(reason: rpcudp_secure::LinkEnd, may_have_run: bool) -> Self {
        Self::LinkEnded(Box::new(EndedLink { reason, may_have_run, request: Vec::new() }))
    }

    /// Keeps the request of the call if the call may be sent to another peer now.
    pub(super) fn keep_request(&mut self, datagram: Vec<u8>) {
        match self {
            Self::Failure(failure) => failure.request = datagram,
            Self::Unreachable(request) | Self::Unsendable { request, .. } => *request = datagram,
            #[cfg(feature = "secure")]
            Self::LinkEnded(ended) => ended.request = datagram,
            _ => buffer_pool::give(datagram),
        }
    }

    /// Takes the request that was kept. Empty if none was.
    pub(crate) fn take_request(&mut self) -> Vec<u8> {
        match self {
            Self::Failure(failure) => mem::take(&mut failure.request),
            Self::Unreachable(request) | Self::Unsendable { request, .. } => mem::take(request),
            #[cfg(feature = "secure")]
            Self::LinkEnded(ended) => mem::take(&mut ended.request),
            _ => Vec::new(),
        }
    }
}

/// The contents of a failure frame.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: FailureCode,
    /// At most 200 characters, with control characters escaped.
    pub(crate) message: Box<str>,
    pub(crate) detail: Option<Vec<u8>>,
    /// The request, if it was kept.
    pub(crate) request: Vec<u8>,
}

/// The reason why a call could not be started.
#[derive(Debug)]
pub(crate) enum StartError {
    Closed,
    TooMany(TooManyCalls),
}

/// The last reason why a call has not succeeded that goes on until its timeout.
#[derive(Debug)]
pub(crate) enum Setback {
    /// The socket refused a transmission for a reason that may pass.
    NotSent(io::Error),
    Unreachable,
    /// The peer was busy or closing.
    Refused(Box<Failure>),
}

impl Setback {
    /// Returns the completion of the call at its timeout.
    pub(crate) fn into_completion(self) -> Completion {
        match self {
            Self::NotSent(error) => Completion::TimedOut(Some(error)),
            Self::Unreachable => Completion::Unreachable(Vec::new()),
            Self::Refused(failure) => Completion::Failure(failure),
        }
    }
}

/// Returns whether a send error may pass while a call lasts: a firewall that reloads, a full table
/// of connections, a link that is down, a lack of memory. A datagram that was not sent for such a
/// reason counts as lost.
pub(crate) fn is_transient(error: &io::Error) -> bool {
    /// `EPERM`, which a firewall returns. `EACCES` has the same kind, and does not pass.
    const EPERM: i32 = 1;
    /// `ENOBUFS`, for which the standard library has no kind.
    const ENOBUFS: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 105 } else { 55 };

    match error.kind() {
        io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::OutOfMemory
        | io::ErrorKind::Interrupted => true,
        _ => cfg!(unix) && matches!(error.raw_os_error(), Some(EPERM | ENOBUFS)),
    }
}
