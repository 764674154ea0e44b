use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{error, io};

use rpcudp_core::MetadataError;
use rpcudp_core::codec::{DecodeError, EncodeError};
#[cfg(feature = "secure")]
use rpcudp_secure::{LinkEnd, PeerId};
use serde::de::DeserializeOwned;

use super::did_run::DidRun;
use super::no_error::NoError;
use super::refusal::Refusal;
use crate::calls::completion::is_transient;
use crate::telemetry::outcome::Outcome;

/// The error of a call that did not end with a value.
///
/// `E` is the application's own error, for methods that return a `Result`. Methods without one have
/// [`NoError`], and the compiler knows that [`Application`](Self::Application) cannot occur.
///
/// `CallError<E>` is a [`std::error::Error`] if `E` is one, and `E` is then its source, so `?`
/// converts it to `Box<dyn Error>`. If `E` is not an error type,
/// [`map_application`](Self::map_application) makes it one.
///
/// # `?` in a function that makes several calls
///
/// In a function that returns `Result<_, CallError<E>>`, `?` takes the errors of methods that
/// return `E`, and of methods without an error of their own. The error of a method with another one
/// needs a conversion, which [`map_application`](Self::map_application) applies:
///
/// ```
/// use rpcudp::{CallError, rpc_service};
///
/// #[rpc_service]
/// trait Account {
///     fn balance(&self) -> u64;
///     fn unlock(&self, pin: u16) -> Result<(), u8>;
///     fn withdraw(&self, cents: u64) -> Result<u64, String>;
/// }
///
/// async fn withdraw_all(account: &AccountClient) -> Result<u64, CallError<String>> {
///     let wrong_pin = |attempts| format!("{attempts} attempts are left");
///     account.unlock(1234).await.map_err(|error| error.map_application(wrong_pin))?;
///     let cents = account.balance().await?;
///     account.withdraw(cents).await
/// }
/// ```
///
/// # Did the method run?
///
/// [`did_run`](Self::did_run) answers this for each error:
///
/// | error | did the method run? |
/// | --- | --- |
/// | [`Timeout`](Self::Timeout), [`Closed`](Self::Closed) | maybe |
/// | [`Unreachable`](Self::Unreachable), [`Io`](Self::Io) | no if the request was sent once, else maybe |
/// | [`Application`](Self::Application), [`Decode`](Self::Decode) | yes |
/// | [`Refused`](Self::Refused): `UnknownMethod`, `MalformedArguments`, `NeedsSecureLink` | no; maybe if the request was retransmitted and the method is not at-most-once: the peer may have [removed](crate::Endpoint::remove_service) the method meanwhile |
/// | [`Refused`](Self::Refused): `Busy`, `Closing` | no; maybe if the method is at-least-once, or was retransmitted by [`Call::retransmit`](crate::Call::retransmit) |
/// | [`Refused`](Self::Refused): `Panicked`, `Stopped` | yes, at least in part |
/// | [`Refused`](Self::Refused): `AlreadyRan`, `ResponseTooLarge`, `ResponseUnencodable`, `UndeclaredError` | yes |
/// | [`Refused`](Self::Refused): `Rejected`, `Other` | maybe |
/// | [`TooLarge`](Self::TooLarge), [`Encode`](Self::Encode), [`Metadata`](Self::Metadata), [`TooManyCalls`](Self::TooManyCalls), [`NoPeers`](Self::NoPeers), [`Insecure`](Self::Insecure) | no, the request was not sent |
/// | `WrongPeer`, `Link` (feature `secure`) | no; maybe if a link was up before, the peer dropped a large request or response, the session of a stream ended, or the request was sent more than once; yes if the response is too large for this end |
///
/// ```
/// use rpcudp::{CallError, Refusal};
///
/// fn advice(error: &CallError) -> &'static str {
///     match error {
///         CallError::Refused { reason: Refusal::Busy, .. } => "try another peer",
///         error if error.is_retryable() => "try again later",
///         _ => "give up",
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError<E = NoError> {
    /// No response arrived within the timeout. The method may have run.
    ///
    /// The request, the response or the peer is lost; or the peer is a Python peer that refused,
    /// because Python sends no refusals; or the peer uses the other dialect
    /// ([`Builder::dialect`](crate::Builder::dialect)), because each drops the datagrams of the
    /// other.
    Timeout {
        /// The wire name of the method.
        method: &'static str,
        /// The address of the peer.
        peer: SocketAddr,
        /// The timeout of the call.
        after: Duration,
        /// The error of the socket, if it refused to send the last transmission.
        source: Option<io::Error>,
    },
    /// The network reported that the port is closed or the host cannot be reached. Linux and
    /// Android pass such reports to programs; on other systems the call ends with a timeout.
    ///
    /// Ends the call at once, even if it is retransmitted, unless it waits for its peer
    /// ([`Call::wait_for_ready`](crate::Call::wait_for_ready)).
    Unreachable {
        /// The wire name of the method.
        method: &'static str,
        /// The address of the peer.
        peer: SocketAddr,
        /// Whether the method ran: an earlier copy of the request may have arrived.
        did_run: DidRun,
    },
    /// The method ran and returned `Err`.
    Application(E),
    /// The peer refused the call.
    Refused {
        /// The wire name of the method.
        method: &'static str,
        /// The address of the peer.
        peer: SocketAddr,
        /// The reason.
        reason: Refusal,
        /// The peer's message for people. May be empty or cut short: it has at most 200
        /// characters, with control characters escaped.
        message: Box<str>,
        /// Whether the method ran.
        did_run: DidRun,
    },
    /// The response does not decode as the type that the contract declares, nests deeper than 32
    /// levels, or is not msgpack.
    Decode {
        /// The wire name of the method.
        method: &'static str,
        /// The address of the peer.
        peer: SocketAddr,
        /// The error of the decoder.
        source: DecodeError,
    },
    /// The request is larger than the endpoint may send. It was not sent.
    TooLarge {
        /// The wire name of the method.
        method: &'static str,
        /// The size of the name and the arguments together, in bytes.
        size: usize,
        /// The limit, in bytes: [`Builder::max_request_len`](crate::Builder::max_request_len).
        limit: usize,
    },
    /// An argument could not be encoded. The request was not sent.
    Encode {
        /// The wire name of the method.
        method: &'static str,
        /// The position of the argument, counted from 1.
        argument: usize,
        /// The error of the encoder.
        source: EncodeError,
    },
    /// An entry of the metadata is invalid or too long. The request was not sent.
    Metadata {
        /// The wire name of the method.
        method: &'static str,
        /// The key of the entry.
        key: Box<str>,
        /// The reason, with the limit.
        source: MetadataError,
    },
    /// The endpoint has as many calls in flight as it allows. The request was not sent.
    TooManyCalls {
        /// The limit: [`Builder::max_calls`](crate::Builder::max_calls).
        limit: usize,
    },
    /// The group has no peer. The request was not sent.
    ///
    /// Ends the call at once, unless it waits for its peer
    /// ([`Call::wait_for_ready`](crate::Call::wait_for_ready)), or the source of the group has not
    /// reported anything yet.
    NoPeers {
        /// The wire name of the method.
        method: &'static str,
        /// The name of the group's source.
        group: Arc<str>,
        /// The last failure of the group's source, if it has named no peer since.
        source: Option<Arc<dyn error::Error + Send + Sync>>,
    },
    /// The method needs a link to a peer with a proven key, and the client is plain; or the
    /// endpoint makes no plain calls. The request was not sent.
    ///
    /// With the feature `secure`, `Client::secure` makes a client of a link.
    Insecure {
        /// The wire name of the method.
        method: &'static str,
    },
    /// The peer at the address has proven another key than the pinned one. The own key was not
    /// shown to it, and no request was sent to it.
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    WrongPeer {
        /// The wire name of the method.
        method: &'static str,
        /// The address of the peer.
        peer: SocketAddr,
        /// The pinned key.
        expected: PeerId,
        /// The key that the peer has proven.
        found: PeerId,
        /// Whether the method ran: the pinned peer may have received the request before, over an
        /// earlier link.
        did_run: DidRun,
    },
    /// The link to the peer could not be opened, or has ended; or a request or response that does
    /// not fit into a packet was dropped over a link that goes on ([`LinkEnd::Dropped`], or too
    /// large).
    ///
    /// A call that is retransmitted outlives its link: the next transmission opens another one. It
    /// ends with this error if the peer refuses the link, or a frame of it is too large, or if no
    /// link is up at its timeout.
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    Link {
        /// The wire name of the method.
        method: &'static str,
        /// The address of the peer.
        peer: SocketAddr,
        /// The reason.
        reason: LinkEnd,
        /// Whether the method ran.
        did_run: DidRun,
    },
    /// The endpoint closed: by [`Endpoint::close`](crate::Endpoint::close), because its last handle
    /// was dropped, or because its runtime shut down.
    Closed,
    /// The socket refused to send the request.
    ///
    /// Ends the call at once. If the call is retransmitted, errors that may pass count as loss
    /// instead, for example if the network is unreachable or a firewall drops the datagram: the
    /// call then ends with [`Timeout`](Self::Timeout) at the earliest, which has the last error.
    Io {
        /// The address of the peer.
        peer: SocketAddr,
        /// The error of the socket.
        source: io::Error,
        /// Whether the method ran: an earlier copy of the request may have arrived.
        did_run: DidRun,
    },
}

impl<E> CallError<E> {
    /// Returns whether the call timed out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// Returns whether the method ran. See the [table](Self#did-the-method-run).
    ///
    /// ```
    /// use rpcudp::{CallError, DidRun};
    ///
    /// /// Returns whether the call may be made again without a risk of running the method twice.
    /// fn is_safe_to_repeat(error: &CallError) -> bool {
    ///     error.did_run() == DidRun::No
    /// }
    /// # assert!(is_safe_to_repeat(&CallError::TooManyCalls { limit: 1 }));
    /// ```
    #[must_use]
    pub fn did_run(&self) -> DidRun {
        match self {
            Self::Timeout { .. } | Self::Closed => DidRun::Maybe,
            Self::Application(_) | Self::Decode { .. } => DidRun::Yes,
            Self::TooLarge { .. }
            | Self::Encode { .. }
            | Self::Metadata { .. }
            | Self::TooManyCalls { .. }
            | Self::NoPeers { .. }
            | Self::Insecure { .. } => DidRun::No,
            #[cfg(feature = "secure")]
            Self::WrongPeer { did_run, .. } | Self::Link { did_run, .. } => *did_run,
            Self::Unreachable { did_run, .. } | Self::Refused { did_run, .. } | Self::Io { did_run, .. } => *did_run,
        }
    }

    /// Returns whether the same call may succeed later: after a timeout, or if the peer was
    /// unreachable, busy or closing, if the endpoint had too many calls, if the group had no peer,
    /// or if the network was down.
    ///
    /// Check [`did_run`](Self::did_run) before repeating a method that is not idempotent.
    ///
    /// ```
    /// # use rpcudp::CallError;
    /// let error: CallError = CallError::TooManyCalls { limit: 1 };
    /// assert!(error.is_retryable());
    /// assert!(!CallError::<u8>::Closed.is_retryable());
    /// ```
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Unreachable { .. } | Self::TooManyCalls { .. } | Self::NoPeers { .. } => true,
            Self::Refused { reason, .. } => reason.is_not_ready(),
            Self::Io { source, .. } => is_transient(source),
            #[cfg(feature = "secure")]
            Self::Link { reason, .. } => {
                matches!(reason, LinkEnd::NoAnswer | LinkEnd::Lost | LinkEnd::Closed | LinkEnd::Dropped)
            }
            _ => false,
        }
    }

    /// Returns the application's own error.
    ///
    /// ```
    /// # use rpcudp::CallError;
    /// let error = CallError::Application("overdrawn");
    /// assert_eq!(error.into_application().ok(), Some("overdrawn"));
    /// ```
    ///
    /// # Errors
    ///
    /// This error, if it is another one.
    pub fn into_application(self) -> Result<E, Self> {
        match self {
            Self::Application(error) => Ok(error),
            other => Err(other),
        }
    }

    /// Converts the application's own error, and leaves other errors as they are.
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
            Self::Timeout { method, peer, after, source } => CallError::Timeout { method, peer, after, source },
            Self::Unreachable { method, peer, did_run } => CallError::Unreachable { method, peer, did_run },
            Self::Refused { method, peer, reason, message, did_run } => {
                CallError::Refused { method, peer, reason, message, did_run }
            }
            Self::Decode { method, peer, source } => CallError::Decode { method, peer, source },
            Self::TooLarge { method, size, limit } => CallError::TooLarge { method, size, limit },
            Self::Encode { method, argument, source } => CallError::Encode { method, argument, source },
            Self::Metadata { method, key, source } => CallError::Metadata { method, key, source },
            Self::TooManyCalls { limit } => CallError::TooManyCalls { limit },
            Self::NoPeers { method, group, source } => CallError::NoPeers { method, group, source },
            Self::Insecure { method } => CallError::Insecure { method },
            #[cfg(feature = "secure")]
            Self::WrongPeer { method, peer, expected, found, did_run } => {
                CallError::WrongPeer { method, peer, expected, found, did_run }
            }
            #[cfg(feature = "secure")]
            Self::Link { method, peer, reason, did_run } => CallError::Link { method, peer, reason, did_run },
            Self::Closed => CallError::Closed,
            Self::Io { peer, source, did_run } => CallError::Io { peer, source, did_run },
        }
    }

    /// Returns the label for logs and metrics.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Timeout { .. } => Outcome::Timeout,
            Self::Unreachable { .. } => Outcome::Unreachable,
            Self::Application(_) => Outcome::ApplicationError,
            Self::Refused { reason, .. } => reason.outcome(),
            Self::Decode { .. } => Outcome::Undecodable,
            Self::TooLarge { .. } => Outcome::TooLarge,
            Self::Encode { .. } => Outcome::Unencodable,
            Self::Metadata { source: MetadataError::TooLong { .. }, .. } => Outcome::TooLarge,
            Self::Metadata { .. } => Outcome::Unencodable,
            Self::TooManyCalls { .. } => Outcome::TooManyCalls,
            Self::NoPeers { .. } => Outcome::NoPeers,
            Self::Insecure { .. } => Outcome::Insecure,
            #[cfg(feature = "secure")]
            Self::WrongPeer { .. } => Outcome::WrongPeer,
            #[cfg(feature = "secure")]
            Self::Link { .. } => Outcome::NoLink,
            Self::Closed => Outcome::Closed,
            Self::Io { .. } => Outcome::IoError,
        }
    }
}

impl CallError {
    /// Converts the error of a method without an application error to that of any method. `?` does
    /// the same, if the application error implements `DeserializeOwned`.
    ///
    /// ```
    /// use rpcudp::CallError;
    ///
    /// let error: CallError = CallError::Closed;
    /// let error: CallError<String> = error.widen();
    /// assert!(matches!(error, CallError::Closed));
    /// ```
    #[must_use]
    pub fn widen<E>(self) -> CallError<E> {
        self.map_application(|never| match never {})
    }
}

/// Converts the error of a method without an application error to that of a method with one, so
/// that `?` works in a function that calls both.
impl<E: DeserializeOwned> From<CallError> for CallError<E> {
    fn from(error: CallError) -> Self {
        error.widen()
    }
}

impl<E: error::Error + 'static> error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Application(error) => Some(error),
            Self::Decode { source, .. } => Some(source),
            Self::Encode { source, .. } => Some(source),
            Self::Metadata { source, .. } => Some(source),
            Self::Io { source, .. } | Self::Timeout { source: Some(source), .. } => Some(source),
            Self::NoPeers { source: Some(source), .. } => Some(source),
            _ => None,
        }
    }
}
