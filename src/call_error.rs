use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use std::{error, fmt, io};

use rpcudp_core::codec::{DecodeError, EncodeError};

/// How a call ended, where it did not end with a value.
///
/// Every call ends, and this says how. `E` is the application's own error, for methods that return a `Result`; for the
/// others there is none, and the compiler knows it.
///
/// ```
/// use rpcudp::{CallError, Refusal};
///
/// fn worth_trying_elsewhere(error: &CallError) -> bool {
///     match error {
///         CallError::Timeout { .. } => true,
///         CallError::Refused { reason: Refusal::Busy, .. } => true,
///         _ => false,
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError<E = Infallible> {
    /// No answer came in time. The request, the answer or the peer is lost, or it is a Python peer that refused: those
    /// say nothing. Whether the method ran is unknown.
    Timeout {
        /// The wire name of the method.
        method: &'static str,
        /// Who was called.
        peer: SocketAddr,
        /// How long the call waited.
        after: Duration,
    },
    /// The network says that nobody is there: the port is closed, or the host cannot be reached. Linux and Android hear
    /// of that; elsewhere such a call ends with a timeout.
    Unreachable {
        /// The wire name of the method.
        method: &'static str,
        /// Who was called.
        peer: SocketAddr,
    },
    /// The method ran and returned `Err`.
    Application(E),
    /// The peer says that it will not answer with a value.
    Refused {
        /// The wire name of the method.
        method: &'static str,
        /// Who refused.
        peer: SocketAddr,
        /// What the reason is.
        reason: Refusal,
        /// What the peer adds for people to read; may be empty or cut short.
        message: Box<str>,
    },
    /// The answer is not of the type that the contract declares.
    Decode {
        /// The wire name of the method.
        method: &'static str,
        /// Who answered.
        peer: SocketAddr,
        /// What is wrong with the answer.
        source: DecodeError,
    },
    /// The request is larger than a peer would accept. It was not sent.
    TooLarge {
        /// The wire name of the method.
        method: &'static str,
        /// How large the name and the arguments are together, in bytes.
        size: usize,
        /// How large they may be: [`Builder::max_request_len`](crate::Builder::max_request_len).
        limit: usize,
    },
    /// An argument could not be encoded. The request was not sent.
    Encode {
        /// The wire name of the method.
        method: &'static str,
        /// Which argument, counted from 1, and why.
        argument: usize,
        /// Why.
        source: EncodeError,
    },
    /// As many calls wait for answers as the endpoint allows. The request was not sent.
    TooManyCalls {
        /// How many that is: [`Builder::max_calls`](crate::Builder::max_calls).
        limit: usize,
    },
    /// The endpoint was closed, by [`Endpoint::close`](crate::Endpoint::close), by dropping its last handle, or
    /// because its runtime shut down.
    Closed,
    /// The socket would not send the request.
    Io {
        /// Who was to be called.
        peer: SocketAddr,
        /// What the socket said.
        source: io::Error,
    },
}

/// Why a peer refused a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// None of its services has a method of that name.
    UnknownMethod,
    /// An argument is missing, or is not of the type that the peer's contract declares.
    MalformedArguments,
    /// It runs as many handlers as it allows.
    Busy,
    /// The method panicked.
    Panicked,
    /// The answer is larger than the peer may send.
    ResponseTooLarge {
        /// How large the answer is, in bytes; `None` where the peer had no room to say.
        size: Option<usize>,
        /// How large it may be.
        limit: Option<usize>,
    },
    /// The method ran, and what it returned could not be encoded. Why is in the peer's log.
    ResponseUnencodable,
    /// The method returned an error, and this side's contract does not say that it can.
    UndeclaredError,
    /// Something that this version does not know.
    Other {
        /// The number of the reason.
        code: u8,
    },
}

impl<E> CallError<E> {
    /// Whether no answer came in time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// The application's own error, if that is what it is.
    ///
    /// ```
    /// # use rpcudp::CallError;
    /// let error = CallError::Application("overdrawn");
    /// assert_eq!(error.into_application().ok(), Some("overdrawn"));
    /// ```
    ///
    /// # Errors
    ///
    /// This error, where it is another one.
    pub fn into_application(self) -> Result<E, Self> {
        match self {
            Self::Application(error) => Ok(error),
            other => Err(other),
        }
    }

    /// A short name for this ending, for logs and metrics.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Timeout { .. } => "timeout",
            Self::Unreachable { .. } => "unreachable",
            Self::Application(_) => "application_error",
            Self::Refused { .. } => "refused",
            Self::Decode { .. } => "undecodable",
            Self::TooLarge { .. } => "too_large",
            Self::Encode { .. } => "unencodable",
            Self::TooManyCalls { .. } => "too_many_calls",
            Self::Closed => "closed",
            Self::Io { .. } => "io_error",
        }
    }
}

impl<E: fmt::Debug> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout { method, peer, after } => write!(f, "no answer to `{method}` from {peer} within {after:?}"),
            Self::Unreachable { method, peer } => write!(f, "nobody is there to answer `{method}` at {peer}"),
            Self::Application(error) => write!(f, "the method returned an error: {error:?}"),
            Self::Refused { method, peer, reason, message } => {
                write!(f, "{peer} refused `{method}`: {reason}")?;
                // Most refusals name the method and nothing else.
                if message.is_empty() || **message == **method {
                    return Ok(());
                }
                // The peer's words: nothing in them is to reach a terminal or a log unescaped.
                write!(f, ": {}", message.escape_debug())
            }
            Self::Decode { method, peer, source } => write!(f, "the answer of {peer} to `{method}` is {source}"),
            Self::TooLarge { method, size, limit } => {
                write!(f, "the request `{method}` has {size} bytes, and {limit} are allowed")
            }
            Self::Encode { method, argument, source } => {
                write!(f, "argument {argument} of `{method}` cannot be encoded: {source}")
            }
            Self::TooManyCalls { limit } => write!(f, "{limit} calls wait for answers already"),
            Self::Closed => f.write_str("the endpoint is closed"),
            Self::Io { peer, source } => write!(f, "the request to {peer} could not be sent: {source}"),
        }
    }
}

impl<E: fmt::Debug> error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Decode { source, .. } => Some(source),
            Self::Encode { source, .. } => Some(source),
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMethod => f.write_str("unknown method"),
            Self::MalformedArguments => f.write_str("malformed arguments"),
            Self::Busy => f.write_str("busy"),
            Self::Panicked => f.write_str("the method panicked"),
            Self::ResponseTooLarge { size: Some(size), limit: Some(limit) } => {
                write!(f, "the response has {size} bytes, and {limit} are allowed")
            }
            Self::ResponseTooLarge { .. } => f.write_str("the response is too large"),
            Self::ResponseUnencodable => f.write_str("the response cannot be encoded"),
            Self::UndeclaredError => f.write_str("the method returned an error that the contract does not declare"),
            Self::Other { code } => write!(f, "reason {code}"),
        }
    }
}
