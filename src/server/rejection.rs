use std::borrow::Cow;
use std::fmt;

use rpcudp_core::FailureCode;
use rpcudp_core::codec::{self, ArgumentError, EncodeError};

use crate::Context;
use crate::endpoint::shared::now;
use crate::telemetry::outcome::Conclusion;

/// Why a request is refused.
#[derive(Debug)]
pub(crate) enum Reason {
    Unknown,
    Malformed(ArgumentError),
    Busy,
    Closing,
    Panicked,
    /// It took longer than a layer allows.
    #[cfg(feature = "tower")]
    StoppedLate,
    /// A layer said no, or failed.
    #[cfg(feature = "tower")]
    Rejected(Box<dyn std::error::Error + Send + Sync>),
    Unencodable(EncodeError),
    TooLarge {
        size: usize,
        limit: usize,
    },
}

impl Reason {
    pub(crate) fn code(&self) -> FailureCode {
        match self {
            Self::Unknown => FailureCode::UNKNOWN_METHOD,
            Self::Malformed(_) => FailureCode::MALFORMED_ARGUMENTS,
            Self::Busy => FailureCode::BUSY,
            Self::Closing => FailureCode::CLOSING,
            Self::Panicked => FailureCode::PANICKED,
            #[cfg(feature = "tower")]
            Self::StoppedLate => FailureCode::STOPPED,
            #[cfg(feature = "tower")]
            Self::Rejected(_) => FailureCode::REJECTED,
            Self::Unencodable(_) => FailureCode::RESPONSE_UNENCODABLE,
            Self::TooLarge { .. } => FailureCode::RESPONSE_TOO_LARGE,
        }
    }

    /// What it is to logs and metrics.
    pub(crate) fn conclusion(&self) -> Conclusion {
        match self {
            Self::Unknown => Conclusion::UnknownMethod,
            Self::Malformed(_) => Conclusion::MalformedArguments,
            Self::Busy => Conclusion::Busy,
            Self::Closing => Conclusion::Closing,
            Self::Panicked => Conclusion::Panicked,
            #[cfg(feature = "tower")]
            Self::StoppedLate => Conclusion::StoppedLate,
            #[cfg(feature = "tower")]
            Self::Rejected(_) => Conclusion::Rejected,
            Self::Unencodable(_) => Conclusion::ResponseUnencodable,
            Self::TooLarge { .. } => Conclusion::ResponseTooLarge,
        }
    }

    /// What the peer is told. It may be cut to the little that a short request leaves room for: the name of a method
    /// always fits, for the request named it too.
    ///
    /// What has gone wrong inside is for the log, and not for strangers.
    pub(crate) fn message<'a>(&self, method: &'a str) -> Cow<'a, str> {
        match self {
            Self::Malformed(error) => format!("{error} in `{method}`").into(),
            _ => method.into(),
        }
    }

    /// The numbers behind it, for the peer's program.
    pub(crate) fn detail(&self) -> Option<Vec<u8>> {
        let Self::TooLarge { size, limit } = self else { return None };
        let mut detail = Vec::new();
        codec::encode(&mut detail, &(size, limit)).expect("two numbers can be encoded");
        Some(detail)
    }

    /// Whether it is a limit or a rule that was set, and not something that broke.
    fn is_as_configured(&self) -> bool {
        match self {
            Self::TooLarge { .. } => true,
            #[cfg(feature = "tower")]
            Self::Rejected(_) => true,
            _ => false,
        }
    }

    /// One line: for the operator, where the fault is on this side, and for the curious, where it is the peer's.
    ///
    /// Either way it is a peer who causes it: the operator's lines are limited to one a second of each kind.
    pub(crate) fn log(&self, method: &str, cx: &Context) {
        let (peer, message_id) = (cx.sender, cx.id);
        let limits = &cx.shared.log_limits;
        let limit = match self {
            Self::Panicked => &limits.panicked,
            Self::Unencodable(_) => &limits.unencodable,
            Self::TooLarge { .. } => &limits.too_large,
            #[cfg(feature = "tower")]
            Self::Rejected(_) => &limits.rejected,
            _ => {
                tracing::debug!(target: "rpcudp", method, %peer, %message_id, reason = %self, "request refused");
                return;
            }
        };
        let Some(suppressed) = limit.pass(now()) else { return };
        // Where there were none, the field is left out.
        let suppressed = (suppressed > 0).then_some(suppressed);
        if self.is_as_configured() {
            tracing::warn!(target: "rpcudp", method, %peer, %message_id, reason = %self, suppressed, "request refused");
        } else {
            tracing::error!(target: "rpcudp", method, %peer, %message_id, reason = %self, suppressed, "request refused");
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no such method"),
            Self::Malformed(error) => error.fmt(f),
            Self::Busy => f.write_str("as many handlers run as are allowed"),
            Self::Closing => f.write_str("the endpoint is closing"),
            // What with is for the panic hook, which has seen it.
            Self::Panicked => f.write_str("the handler panicked"),
            #[cfg(feature = "tower")]
            Self::StoppedLate => f.write_str("the handler took longer than is allowed"),
            #[cfg(feature = "tower")]
            Self::Rejected(error) => write!(f, "a layer rejected it: {error}"),
            Self::Unencodable(error) => write!(f, "the answer cannot be encoded: {error}"),
            Self::TooLarge { size, limit } => write!(f, "the answer has {size} bytes, and {limit} are allowed"),
        }
    }
}
