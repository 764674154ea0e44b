//! Outcomes of tests and of calls.

use std::error::Error;
use std::fmt::Debug;

use rpcudp::{CallError, Refusal};

/// The result of a test that uses `?`.
pub(crate) type TestResult = Result<(), Box<dyn Error>>;

/// Returns the reason and the message of a refusal. Panics if the call ended otherwise.
#[track_caller]
pub(crate) fn refusal<T: Debug, E: Debug>(result: Result<T, CallError<E>>) -> (Refusal, String) {
    match result {
        Err(CallError::Refused { reason, message, .. }) => (reason, message.into()),
        other => panic!("not refused: {other:?}"),
    }
}
