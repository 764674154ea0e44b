use std::fmt;

use rpcudp_core::codec::{decode, encode};
use rpcudp_core::{FailureCode, RefusalKind};

use super::did_run::DidRun;
use crate::telemetry::outcome::Outcome;

/// The reason why a peer refused a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No service of the peer has a method of that name. The method did not run.
    UnknownMethod,
    /// An argument is missing or does not decode as the type that the peer's contract declares. The
    /// method did not run.
    MalformedArguments,
    /// The peer runs as many handlers as it allows, or sheds load. The method did not run.
    Busy,
    /// The peer is closing. The method did not run.
    Closing,
    /// The method panicked.
    Panicked,
    /// The peer stopped the method because it took longer than the peer allows. The method may have
    /// run in part.
    Stopped,
    /// A layer of the peer, between the network and the method, rejected the call or failed, and
    /// the peer's log has the error. Or the peer forwards calls, and its own call failed. Or the
    /// call was made over a link that the peer had opened, and the peer's list of keys does not
    /// have the caller's.
    Rejected,
    /// The method needs a link to a peer with a proven key, and the call was plain. The method did
    /// not run. A caller whose contract says so gets
    /// [`CallError::Insecure`](crate::CallError::Insecure) instead, before the request is sent.
    NeedsSecureLink,
    /// The method requires a session, and the caller has none in the pool of the method
    /// ([`Endpoint::join`](crate::Endpoint::join)), or has another address by now. The method did
    /// not run.
    NoSession,
    /// The method ran, its response was lost, and the peer does not have it any more: it was too
    /// large to be stored, or was evicted ([`Builder::response_memory`]). The method is
    /// at-most-once, and does not run again.
    ///
    /// [`Builder::response_memory`]: crate::Builder::response_memory
    AlreadyRan,
    /// The method ran, and its response is larger than the peer may send.
    ResponseTooLarge {
        /// The size of the response, in bytes. `None` if the refusal had no room for it.
        size: Option<usize>,
        /// The largest response that the peer may send, in bytes.
        limit: Option<usize>,
    },
    /// The method ran, and its response could not be encoded. The peer's log has the error.
    ResponseUnencodable,
    /// The method returned an error, and the caller's contract declares none.
    UndeclaredError,
    /// The peer refused with a code of a later version.
    Other {
        /// The code in the failure frame.
        code: u8,
    },
}

impl Refusal {
    /// Returns the refusal that a failure frame states.
    pub(crate) fn from_failure(code: FailureCode, detail: Option<&[u8]>) -> Self {
        if code == FailureCode::APPLICATION {
            return Self::UndeclaredError;
        }
        match code.refusal() {
            Some(RefusalKind::UnknownMethod) => Self::UnknownMethod,
            Some(RefusalKind::MalformedArguments) => Self::MalformedArguments,
            Some(RefusalKind::Busy) => Self::Busy,
            Some(RefusalKind::Closing) => Self::Closing,
            Some(RefusalKind::Panicked) => Self::Panicked,
            Some(RefusalKind::Stopped) => Self::Stopped,
            Some(RefusalKind::Rejected) => Self::Rejected,
            Some(RefusalKind::NeedsSecureLink) => Self::NeedsSecureLink,
            Some(RefusalKind::NoSession) => Self::NoSession,
            Some(RefusalKind::AlreadyRan) => Self::AlreadyRan,
            Some(RefusalKind::ResponseUnencodable) => Self::ResponseUnencodable,
            Some(RefusalKind::ResponseTooLarge) => {
                let sizes = detail.and_then(|detail| decode::<(usize, usize)>(detail).ok());
                let (size, limit) = sizes.unzip();
                Self::ResponseTooLarge { size, limit }
            }
            None => Self::Other { code: code.number() },
        }
    }

    /// Returns the code and the detail of a failure frame that states this refusal.
    pub(crate) fn to_failure(&self) -> (FailureCode, Option<Vec<u8>>) {
        let code = match (self, self.kind()) {
            (_, Some(kind)) => kind.into(),
            (Self::Other { code }, None) => FailureCode::new(*code),
            (_, None) => FailureCode::APPLICATION,
        };
        let Self::ResponseTooLarge { size: Some(size), limit: Some(limit) } = self else { return (code, None) };
        let mut detail = Vec::new();
        encode(&mut detail, &(size, limit)).expect("two numbers can be encoded");
        (code, Some(detail))
    }

    /// Returns the entry in the list of refusals, or `None` for the two that are not in it.
    pub(crate) fn kind(&self) -> Option<RefusalKind> {
        match self {
            Self::UnknownMethod => Some(RefusalKind::UnknownMethod),
            Self::MalformedArguments => Some(RefusalKind::MalformedArguments),
            Self::Busy => Some(RefusalKind::Busy),
            Self::Closing => Some(RefusalKind::Closing),
            Self::Panicked => Some(RefusalKind::Panicked),
            Self::Stopped => Some(RefusalKind::Stopped),
            Self::Rejected => Some(RefusalKind::Rejected),
            Self::NeedsSecureLink => Some(RefusalKind::NeedsSecureLink),
            Self::NoSession => Some(RefusalKind::NoSession),
            Self::AlreadyRan => Some(RefusalKind::AlreadyRan),
            Self::ResponseTooLarge { .. } => Some(RefusalKind::ResponseTooLarge),
            Self::ResponseUnencodable => Some(RefusalKind::ResponseUnencodable),
            Self::UndeclaredError | Self::Other { .. } => None,
        }
    }

    /// Returns whether the method ran, by the meaning of the refusal.
    pub(crate) fn did_run(&self) -> DidRun {
        match self {
            Self::UnknownMethod
            | Self::MalformedArguments
            | Self::Busy
            | Self::Closing
            | Self::NeedsSecureLink
            | Self::NoSession => DidRun::No,
            Self::Rejected | Self::Other { .. } => DidRun::Maybe,
            Self::Panicked
            | Self::Stopped
            | Self::AlreadyRan
            | Self::ResponseTooLarge { .. }
            | Self::ResponseUnencodable
            | Self::UndeclaredError => DidRun::Yes,
        }
    }

    /// Returns whether the peer may accept the call later.
    pub(crate) fn is_not_ready(&self) -> bool {
        matches!(self, Self::Busy | Self::Closing)
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match self.kind() {
            Some(kind) => Outcome::Refused(kind),
            None if *self == Self::UndeclaredError => Outcome::UndeclaredError,
            None => Outcome::UnknownRefusal,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.kind()) {
            (Self::ResponseTooLarge { size: Some(size), limit: Some(limit) }, _) => {
                write!(f, "the response has {size} bytes, and the peer's `Builder::max_response_len` allows {limit}")
            }
            (Self::Other { code }, _) => write!(f, "refusal code {code}, which this version does not know"),
            (_, Some(kind)) => f.write_str(kind.message()),
            (_, None) => f.write_str("the method returned an error that the caller's contract does not declare"),
        }
    }
}
