use std::borrow::Cow;
use std::fmt;

use rpcudp_core::RefusalKind;
use rpcudp_core::codec::{self, ArgumentError, EncodeError};

use super::context::Context;
use crate::client::refusal::Refusal;
use crate::clock::now;

/// The reason why this server refuses a request, with the details for the log.
#[doc(hidden)]
#[derive(Debug)]
pub enum Rejection {
    UnknownMethod,
    MalformedArguments(ArgumentError),
    Busy,
    Closing,
    /// The method requires a session, and the caller has none.
    NoSession,
    /// The request is a duplicate of one that has run, and the response is not stored.
    AlreadyRan,
    Panicked,
    /// The handler took longer than the endpoint or a layer allows.
    Stopped,
    /// A layer rejected the request, or failed.
    #[cfg(feature = "tower")]
    Rejected(Box<dyn std::error::Error + Send + Sync>),
    /// A service with methods known at run time refuses the request.
    ByService(Refusal),
    /// The method needs a link, and the request came over the plain wire.
    NeedsSecureLink,
    ResponseUnencodable(EncodeError),
    ResponseTooLarge {
        size: usize,
        limit: usize,
    },
}

impl Rejection {
    /// Returns the entry in the list of refusals, which has the code and the label.
    pub(crate) fn kind(&self) -> RefusalKind {
        match self {
            Self::UnknownMethod => RefusalKind::UnknownMethod,
            Self::MalformedArguments(_) => RefusalKind::MalformedArguments,
            Self::Busy => RefusalKind::Busy,
            Self::Closing => RefusalKind::Closing,
            Self::NoSession => RefusalKind::NoSession,
            Self::AlreadyRan => RefusalKind::AlreadyRan,
            Self::Panicked => RefusalKind::Panicked,
            Self::Stopped => RefusalKind::Stopped,
            #[cfg(feature = "tower")]
            Self::Rejected(_) => RefusalKind::Rejected,
            Self::ByService(reason) => reason.kind().unwrap_or(RefusalKind::Rejected),
            Self::NeedsSecureLink => RefusalKind::NeedsSecureLink,
            Self::ResponseUnencodable(_) => RefusalKind::ResponseUnencodable,
            Self::ResponseTooLarge { .. } => RefusalKind::ResponseTooLarge,
        }
    }

    /// Returns the message for the peer. It may be cut to the length that a short request allows
    /// from a source that may be forged. The method's name always fits, because the request named
    /// it too.
    ///
    /// Internal errors are for the log, not for peers.
    pub(crate) fn message<'a>(&self, method: &'a str) -> Cow<'a, str> {
        match self {
            Self::MalformedArguments(error) => format!("{error} in `{method}`").into(),
            _ => method.into(),
        }
    }

    /// Returns the encoded numbers for the peer's program.
    pub(crate) fn detail(&self) -> Option<Vec<u8>> {
        let (size, limit) = match self {
            Self::ResponseTooLarge { size, limit } => (size, limit),
            Self::ByService(reason) => return reason.to_failure().1,
            _ => return None,
        };
        let mut detail = Vec::new();
        codec::encode(&mut detail, &(size, limit)).expect("two numbers can be encoded");
        Some(detail)
    }

    /// Logs the rejection in one line: for the operator if the fault is the server's or the
    /// contracts differ, and at `debug` if it is an ordinary refusal.
    ///
    /// A peer causes either, so lines for the operator are limited to one a second of each kind.
    pub(crate) fn log(&self, method: &str, context: &Context) {
        let (peer, message_id) = (context.sender, context.id);
        let limits = &context.shared.log_limits;
        let limit = match self {
            Self::Panicked => &limits.panicked,
            Self::MalformedArguments(_) => &limits.malformed,
            Self::ResponseUnencodable(_) => &limits.unencodable,
            Self::ResponseTooLarge { .. } => &limits.too_large,
            #[cfg(feature = "tower")]
            Self::Rejected(_) => &limits.rejected,
            _ => {
                tracing::debug!(target: "rpcudp", method, %peer, %message_id, reason = %self, "request refused");
                return;
            }
        };
        let Some(suppressed) = limit.pass(now()) else { return };
        // The field is left out if it is zero.
        let suppressed = (suppressed > 0).then_some(suppressed);
        if self.is_warning() {
            tracing::warn!(target: "rpcudp", method, %peer, %message_id, reason = %self, suppressed, "request refused");
        } else {
            tracing::error!(target: "rpcudp", method, %peer, %message_id, reason = %self, suppressed, "request refused");
        }
    }

    /// Returns whether a configured limit or rule, or the peer, caused the rejection, rather than a
    /// fault of this server.
    fn is_warning(&self) -> bool {
        match self {
            Self::MalformedArguments(_) | Self::ResponseTooLarge { .. } => true,
            #[cfg(feature = "tower")]
            Self::Rejected(_) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MalformedArguments(error) => error.fmt(f),
            #[cfg(feature = "tower")]
            Self::Rejected(error) => write!(f, "{}: {error}", self.kind().message()),
            Self::ByService(reason) => write!(f, "the service refused: {reason}"),
            Self::ResponseUnencodable(error) => write!(f, "{}: {error}", self.kind().message()),
            Self::ResponseTooLarge { size, limit } => {
                write!(f, "the response has {size} bytes, and `Builder::max_response_len` allows {limit}")
            }
            _ => f.write_str(self.kind().message()),
        }
    }
}
