//! The messages of [`CallError`].

use std::fmt::{self, Write as _};

use rpcudp_core::limits::MAX_RESPONSE_BODY_LEN;
#[cfg(feature = "secure")]
use rpcudp_secure::LinkEnd;

use super::error::CallError;

impl<E> CallError<E> {
    /// Writes the message. `application` writes the application's own error.
    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        application: impl FnOnce(&E, &mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        match self {
            Self::Timeout { method, peer, after, source } => {
                write!(f, "`{method}`: no response from {peer} within {after:?}")?;
                match source {
                    Some(source) => write!(f, " (the last transmission failed: {source})"),
                    None => Ok(()),
                }
            }
            Self::Unreachable { method, peer, .. } => write!(f, "`{method}`: {peer} is unreachable"),
            Self::Application(error) => {
                f.write_str("the method returned an error")?;
                application(error, f)
            }
            Self::Refused { method, peer, reason, message, .. } => {
                write!(f, "{peer} refused `{method}`: {reason}")?;
                // Most messages are the name of the method only.
                if message.is_empty() || **message == **method {
                    return Ok(());
                }
                f.write_str(": ")?;
                // The peer's text must not reach a terminal or a log unescaped. Backslashes stay,
                // because the endpoint has escaped the text already.
                message.chars().try_for_each(|char| match char {
                    '\\' | '"' | '\'' => f.write_char(char),
                    char => write!(f, "{}", char.escape_debug()),
                })
            }
            Self::Decode { method, peer, source } => write!(f, "the response of {peer} to `{method}` is {source}"),
            Self::TooLarge { method, size, limit } if *limit > MAX_RESPONSE_BODY_LEN => {
                write!(f, "the request `{method}` has {size} bytes, and the endpoint's links allow {limit}")
            }
            Self::TooLarge { method, size, limit } => {
                write!(f, "the request `{method}` has {size} bytes, and `Builder::max_request_len` allows {limit}")
            }
            Self::Encode { method, argument, source } => {
                write!(f, "argument {argument} of `{method}` cannot be encoded: {source}")
            }
            Self::Metadata { method, key, source } => {
                write!(f, "`{method}`: {key:?} cannot travel in the metadata: {source}")
            }
            Self::TooManyCalls { limit } => {
                write!(f, "{limit} calls are in flight already, as many as `Builder::max_calls` allows")
            }
            Self::NoPeers { method, group, source } => {
                write!(f, "`{method}`: the group has no peers ({group})")?;
                match source {
                    Some(source) => write!(f, ": {source}"),
                    None => Ok(()),
                }
            }
            Self::Insecure { method } => {
                write!(f, "`{method}` needs a secure link, and the client is plain: make it with `Client::secure`")
            }
            #[cfg(feature = "secure")]
            Self::WrongPeer { method, peer, expected, found, .. } => {
                write!(f, "`{method}`: the peer at {peer} is {found}, and {expected} was expected")
            }
            #[cfg(feature = "secure")]
            Self::Link { method, peer, reason, .. } => {
                match reason {
                    LinkEnd::Dropped
                    | LinkEnd::SessionEnded
                    | LinkEnd::RequestTooLarge { .. }
                    | LinkEnd::ResponseTooLarge { .. } => {
                        return write!(f, "`{method}` over the link to {peer}: {reason}");
                    }
                    _ => write!(f, "`{method}`: no link to {peer}: {reason}")?,
                }
                if *reason == LinkEnd::NoAnswer {
                    f.write_str(" (a peer without an identity does not respond to links)")?;
                }
                Ok(())
            }
            Self::Closed => f.write_str("the endpoint is closed"),
            Self::Io { peer, source, .. } => write!(f, "the request to {peer} could not be sent: {source}"),
        }
    }

    /// Returns the message for the log, without the application's own error, which need not be
    /// readable.
    pub(crate) fn log_message(&self) -> impl fmt::Display {
        LogMessage(self)
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |error, f| write!(f, ": {error}"))
    }
}

/// A [`CallError`] without the application's own error.
struct LogMessage<'a, E>(&'a CallError<E>);

impl<E> fmt::Display for LogMessage<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, |_, _| Ok(()))
    }
}
