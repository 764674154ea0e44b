//! The errors of calls for which no link could be opened, or whose link has ended.

use rpcudp::{CallError, LinkEnd};

use crate::failure_kind::FailureKind;

/// Returns the kind of failure of such an error, and advice.
pub(crate) fn diagnose<E>(error: &CallError<E>) -> Option<(FailureKind, Option<&'static str>)> {
    match error {
        CallError::WrongPeer { .. } => {
            Some((FailureKind::WrongPeer, Some("ask the owner of the peer which of the keys is right")))
        }
        CallError::Link { reason, .. } => Some(match reason {
            LinkEnd::NoAnswer => {
                (FailureKind::Timeout, Some("`rpcudp doctor` with the same address tells whether the peer is plain"))
            }
            LinkEnd::Refused => (
                FailureKind::Refused,
                Some("if the peer allows listed keys only, pass --identity FILE with one of them"),
            ),
            _ => (FailureKind::Other, None),
        }),
        _ => None,
    }
}

/// Returns the name of the outcome of such an error.
pub(crate) fn outcome_name<E>(error: &CallError<E>) -> Option<&'static str> {
    match error {
        CallError::WrongPeer { .. } => Some("wrong_peer"),
        CallError::Link { .. } => Some("no_link"),
        _ => None,
    }
}

/// Whether no peer at the address responds to a handshake.
pub(crate) fn is_without_answer<E>(error: &CallError<E>) -> bool {
    matches!(error, CallError::Link { reason: LinkEnd::NoAnswer, .. })
}
