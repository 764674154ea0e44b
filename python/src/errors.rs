//! The errors of calls as Python exceptions, whose classes are in `exceptions.py`.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rpcudp::{CallError, DidRun, Refusal};

use crate::address::from_socket_addr;
use crate::decode::Decoded;

/// Returns the exception of a failed call. `make` is the function `make_error` of `exceptions.py`.
///
/// # Errors
///
/// If there is no memory left.
pub(crate) fn exception<'py>(make: &Bound<'py, PyAny>, error: CallError<Decoded>) -> PyResult<Bound<'py, PyAny>> {
    let py = make.py();
    let details = PyDict::new(py);
    details.set_item("did_run", did_run(error.did_run()))?;
    details.set_item("is_retryable", error.is_retryable())?;
    let (method, peer) = match &error {
        CallError::Timeout { method, peer, .. }
        | CallError::Unreachable { method, peer, .. }
        | CallError::Refused { method, peer, .. }
        | CallError::Decode { method, peer, .. } => (Some(*method), Some(*peer)),
        CallError::TooLarge { method, .. } | CallError::Encode { method, .. } => (Some(*method), None),
        CallError::Io { peer, .. } => (None, Some(*peer)),
        _ => (None, None),
    };
    details.set_item("method", method)?;
    details.set_item("peer", peer.map(|peer| from_socket_addr(py, peer)).transpose()?)?;
    let kind = match &error {
        CallError::Timeout { .. } => "Timeout",
        CallError::Unreachable { .. } => "Unreachable",
        CallError::Refused { reason, message, .. } => {
            details.set_item("reason", refusal(reason))?;
            details.set_item("text", &**message)?;
            "Refused"
        }
        CallError::Application(Decoded(value)) => {
            details.set_item("value", value)?;
            return make.call(("RemoteError", ""), Some(&details));
        }
        CallError::TooLarge { size, limit, .. } => {
            details.set_item("size", size)?;
            details.set_item("limit", limit)?;
            "TooLarge"
        }
        CallError::Decode { .. } => "BadResponse",
        CallError::TooManyCalls { .. } => "TooManyCalls",
        CallError::Closed => "Closed",
        CallError::Encode { .. } => "Unencodable",
        _ => "SendError",
    };
    let message = error.map_application(|_| "").to_string();
    make.call((kind, message), Some(&details))
}

fn did_run(did_run: DidRun) -> &'static str {
    match did_run {
        DidRun::No => "no",
        DidRun::Yes => "yes",
        _ => "maybe",
    }
}

fn refusal(reason: &Refusal) -> &'static str {
    match reason {
        Refusal::UnknownMethod => "unknown_method",
        Refusal::MalformedArguments => "malformed_arguments",
        Refusal::Busy => "busy",
        Refusal::Closing => "closing",
        Refusal::Panicked => "panicked",
        Refusal::Stopped => "stopped",
        Refusal::Rejected => "rejected",
        Refusal::ResponseTooLarge { .. } => "response_too_large",
        Refusal::ResponseUnencodable => "response_unencodable",
        Refusal::AlreadyRan => "already_ran",
        Refusal::UndeclaredError => "undeclared_error",
        _ => "other",
    }
}
