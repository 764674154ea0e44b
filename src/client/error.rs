use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use std::{error, fmt, io};

use rpcudp_core::codec::{DecodeError, EncodeError};

use crate::telemetry::outcome::Conclusion;

/// How a call ended, where it did not end with a value.
///
/// Every call ends, and this says how. `E` is the application's own error, for methods that return a `Result`; for the
/// others there is none, and the compiler knows it. It is a [`std::error::Error`] where `E` is one, and `E` is then its
/// source; to match on it takes nothing of `E`. So `?` takes it to a `Box<dyn Error>` where `E` is an error, and
/// [`map_application`](Self::map_application) makes it one where `E` is not.
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
    /// No answer came in time. Whether the method ran is unknown.
    ///
    /// The request, the answer or the peer is lost; or it is a Python peer that refused, for those say nothing; or the
    /// peer belongs to the other network ([`Builder::dialect`](crate::Builder::dialect)), and each drops what the other
    /// sends.
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
    ///
    /// It ends the call at once, one that is sent again too, and proves nothing about the method: an earlier copy of the
    /// request may have arrived and run before the peer went away.
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
        /// Which argument, counted from 1.
        argument: usize,
        /// Why it could not.
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
    ///
    /// It ends the call at once, one that is sent again too: if it was a copy that the socket would not send, the request
    /// itself may have arrived and run.
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
    /// It runs as many handlers as it allows, or sheds load. The method did not run.
    Busy,
    /// It is being closed. The method did not run.
    Closing,
    /// The method panicked.
    Panicked,
    /// The peer stopped the method, which took longer than the peer allows: it may have done a part.
    Stopped,
    /// Something of the peer's between the network and the method said no, or failed: a layer, where it is this crate's.
    /// What, is in the peer's log.
    Rejected,
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

    /// The same ending, with the application's own error turned into another.
    ///
    /// ```
    /// # use rpcudp::CallError;
    /// let error = CallError::Application(30_u64);
    /// let error = error.map_application(|cents| format!("{cents} cents are missing"));
    /// assert_eq!(error.to_string(), "the method returned an error: 30 cents are missing");
    /// ```
    #[must_use]
    pub fn map_application<F>(self, map: impl FnOnce(E) -> F) -> CallError<F> {
        match self {
            Self::Application(error) => CallError::Application(map(error)),
            Self::Timeout { method, peer, after } => CallError::Timeout { method, peer, after },
            Self::Unreachable { method, peer } => CallError::Unreachable { method, peer },
            Self::Refused { method, peer, reason, message } => CallError::Refused { method, peer, reason, message },
            Self::Decode { method, peer, source } => CallError::Decode { method, peer, source },
            Self::TooLarge { method, size, limit } => CallError::TooLarge { method, size, limit },
            Self::Encode { method, argument, source } => CallError::Encode { method, argument, source },
            Self::TooManyCalls { limit } => CallError::TooManyCalls { limit },
            Self::Closed => CallError::Closed,
            Self::Io { peer, source } => CallError::Io { peer, source },
        }
    }

    /// Writes what the ending is, and leaves the application's own error to `application`.
    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        application: impl FnOnce(&E, &mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        match self {
            Self::Timeout { method, peer, after } => write!(f, "no answer to `{method}` from {peer} within {after:?}"),
            Self::Unreachable { method, peer } => write!(f, "nobody is there to answer `{method}` at {peer}"),
            Self::Application(error) => {
                f.write_str("the method returned an error")?;
                application(error, f)
            }
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

    /// What the log says of this ending: everything but the application's own error, which need not be made for people.
    pub(crate) fn told(&self) -> impl fmt::Display {
        Told(self)
    }

    /// What this ending is to logs and metrics.
    pub(crate) fn conclusion(&self) -> Conclusion {
        match self {
            Self::Timeout { .. } => Conclusion::Timeout,
            Self::Unreachable { .. } => Conclusion::Unreachable,
            Self::Application(_) => Conclusion::ApplicationError,
            Self::Refused { reason, .. } => reason.conclusion(),
            Self::Decode { .. } => Conclusion::Undecodable,
            Self::TooLarge { .. } => Conclusion::TooLarge,
            Self::Encode { .. } => Conclusion::Unencodable,
            Self::TooManyCalls { .. } => Conclusion::TooManyCalls,
            Self::Closed => Conclusion::Closed,
            Self::Io { .. } => Conclusion::IoError,
        }
    }
}

impl Refusal {
    fn conclusion(&self) -> Conclusion {
        match self {
            Self::UnknownMethod => Conclusion::UnknownMethod,
            Self::MalformedArguments => Conclusion::MalformedArguments,
            Self::Busy => Conclusion::Busy,
            Self::Closing => Conclusion::Closing,
            Self::Panicked => Conclusion::Panicked,
            Self::Stopped => Conclusion::StoppedLate,
            Self::Rejected => Conclusion::Rejected,
            Self::ResponseTooLarge { .. } => Conclusion::ResponseTooLarge,
            Self::ResponseUnencodable => Conclusion::ResponseUnencodable,
            Self::UndeclaredError => Conclusion::UndeclaredError,
            Self::Other { .. } => Conclusion::OtherRefusal,
        }
    }
}

impl CallError {
    /// The same ending, as that of a method that has an error of its own: what `?` needs where one function calls methods
    /// with and without.
    ///
    /// ```
    /// use rpcudp::{CallError, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Account {
    ///     fn balance(&self) -> u64;
    ///     fn withdraw(&self, cents: u64) -> Result<u64, String>;
    /// }
    ///
    /// async fn withdraw_all(account: &AccountClient) -> Result<u64, CallError<String>> {
    ///     let cents = account.balance().await.map_err(CallError::widen)?;
    ///     account.withdraw(cents).await
    /// }
    /// ```
    #[must_use]
    pub fn widen<E>(self) -> CallError<E> {
        self.map_application(|never| match never {})
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |error, f| write!(f, ": {error}"))
    }
}

/// A [`CallError`] as the log tells it.
struct Told<'a, E>(&'a CallError<E>);

impl<E> fmt::Display for Told<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, |_, _| Ok(()))
    }
}

impl<E: error::Error + 'static> error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Application(error) => Some(error),
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
            Self::Closing => f.write_str("closing"),
            Self::Panicked => f.write_str("the method panicked"),
            Self::Stopped => f.write_str("the method took longer than the peer allows"),
            Self::Rejected => f.write_str("rejected before the method, or after it"),
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
