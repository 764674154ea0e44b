use std::borrow::Cow;
use std::fmt;

use rpcudp_core::FailureCode;
use rpcudp_core::codec::{self, ArgumentError, EncodeError};

use crate::Context;

/// Why a request is refused.
#[derive(Debug)]
pub(crate) enum Reason {
    Unknown,
    Malformed(ArgumentError),
    Busy,
    Panicked,
    Unencodable(EncodeError),
    TooLarge { size: usize, limit: usize },
}

impl Reason {
    pub(crate) fn code(&self) -> FailureCode {
        match self {
            Self::Unknown => FailureCode::UNKNOWN_METHOD,
            Self::Malformed(_) => FailureCode::MALFORMED_ARGUMENTS,
            Self::Busy => FailureCode::BUSY,
            Self::Panicked => FailureCode::PANICKED,
            Self::Unencodable(_) => FailureCode::RESPONSE_UNENCODABLE,
            Self::TooLarge { .. } => FailureCode::RESPONSE_TOO_LARGE,
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

    /// One line: for the operator, where the fault is on this side, and for the curious, where it is the peer's, who
    /// could fill a log with it.
    pub(crate) fn log(&self, method: &str, cx: &Context) {
        let (peer, message_id) = (cx.sender, cx.id);
        match self {
            Self::Panicked | Self::Unencodable(_) => {
                tracing::error!(method, %peer, %message_id, reason = %self, "request refused");
            }
            Self::TooLarge { .. } => tracing::warn!(method, %peer, %message_id, reason = %self, "request refused"),
            Self::Unknown | Self::Malformed(_) | Self::Busy => {
                tracing::debug!(method, %peer, %message_id, reason = %self, "request refused");
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no such method"),
            Self::Malformed(error) => error.fmt(f),
            Self::Busy => f.write_str("as many handlers run as are allowed"),
            // What with is for the panic hook, which has seen it.
            Self::Panicked => f.write_str("the handler panicked"),
            Self::Unencodable(error) => write!(f, "the answer cannot be encoded: {error}"),
            Self::TooLarge { size, limit } => write!(f, "the answer has {size} bytes, and {limit} are allowed"),
        }
    }
}
