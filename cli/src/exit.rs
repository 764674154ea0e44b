//! Failures of a command: an exit code for scripts, and an error line for people.

use std::net::SocketAddr;
use std::{fmt, io};

use rpcudp::{BindError, CallError, Refusal};
use serde_json::json;

pub(crate) use crate::failure_kind::FailureKind;
use crate::links::errors;
use crate::output;
use crate::value::Value;
use crate::value::json::ToJson;

/// The list of exit codes in `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0   success
  1   another failure, which the line on standard error describes
  2   the name does not resolve
  3   the address to bind to is in use
  4   the peer is unreachable: its port is closed, its host is down, or this host has no route to it
  5   no response arrived in time
  6   the peer refused the call: unknown method, malformed arguments, busy, ...
  7   the method returned an error
  8   the peer has proven another key than the expected one
  64  the command line is invalid, or the request is larger than the limit";

/// The reason that a command failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    message: String,
    /// The error value that the method returned.
    detail: Option<Value>,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// Returns the failure for an address that could not be bound.
    pub(crate) fn bind_failed(addr: SocketAddr, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::AddrInUse {
            return Self::new(FailureKind::AddressInUse, format!("{addr} is in use: another program has bound to it"));
        }
        Self::new(FailureKind::Other, format!("cannot bind to {addr}: {error}"))
    }

    /// Adds advice to the message.
    pub(crate) fn advise(mut self, advice: &str) -> Self {
        self.message.push_str("; ");
        self.message.push_str(advice);
        self
    }

    /// Prints one line on standard error.
    pub(crate) fn print(&self, as_json: bool) {
        let Self { kind, message, detail } = self;
        if *kind == FailureKind::ReaderGone {
            return;
        }
        if as_json {
            let error = json!({ "error": kind.name(), "exit": kind.code(), "message": message, "detail": detail.as_ref().map(ToJson) });
            anstream::eprintln!("{}", output::json(&error));
        } else {
            anstream::eprintln!("{} {message}", output::styled(output::ERROR, "rpcudp:"));
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<CallError<Value>> for Failure {
    fn from(error: CallError<Value>) -> Self {
        let message = error.to_string();
        let is_unreachable = is_unreachable(&error);
        if let Some((kind, advice)) = errors::diagnose(&error) {
            let failure = Self::new(kind, message);
            return match advice {
                Some(advice) => failure.advise(advice),
                None => failure,
            };
        }
        match error {
            CallError::Application(detail) => Self { kind: FailureKind::Application, message, detail: Some(detail) },
            CallError::Timeout { .. } if !is_unreachable => Self::new(FailureKind::Timeout, message),
            CallError::Unreachable { method, peer, .. } => Self::new(
                FailureKind::Unreachable,
                format!(
                    "`{}`: {peer} is unreachable: the port is closed, or the host cannot be reached",
                    method.escape_debug()
                ),
            ),
            CallError::Io { .. } | CallError::Timeout { .. } if is_unreachable => {
                Self::new(FailureKind::Unreachable, message)
            }
            CallError::Refused { reason: Refusal::NeedsSecureLink, .. } => {
                Self::new(FailureKind::Refused, message).advise("call it over a link, as KEY@HOST:PORT")
            }
            CallError::Refused { .. } => Self::new(FailureKind::Refused, message),
            CallError::TooLarge { .. } | CallError::Encode { .. } | CallError::Metadata { .. } => Self::usage(message),
            _ => Self::new(FailureKind::Other, message),
        }
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Self {
        match &error {
            BindError::Bind { addr, source } => Self::bind_failed(*addr, source),
            _ => Self::new(FailureKind::Other, error.to_string()),
        }
    }
}

/// An I/O error, mostly of standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe { FailureKind::ReaderGone } else { FailureKind::Other };
        Self::new(kind, error.to_string())
    }
}

/// Whether a call failed because the peer's address cannot be reached, or no peer there responds to
/// a handshake.
pub(crate) fn is_unreachable<E>(error: &CallError<E>) -> bool {
    match error {
        CallError::Unreachable { .. } => true,
        error if errors::is_without_answer(error) => true,
        CallError::Io { source, .. } | CallError::Timeout { source: Some(source), .. } => is_without_route(source),
        _ => false,
    }
}

/// Whether a datagram was not sent because this host has no route to its destination.
pub(crate) fn is_without_route(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            // The error for an IPv6 address on a host whose IPv6 is switched off.
            | io::ErrorKind::AddrNotAvailable
    )
}
