use rpcudp::CallError;

use crate::links::errors;
use crate::value::Value;

/// The outcome of a call, as `ping` and `load` count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Outcome {
    /// The name of the outcome, as in the library's spans.
    pub(crate) name: &'static str,
    /// Whether the peer sent a response.
    pub(crate) is_response: bool,
}

impl Outcome {
    pub(crate) fn of(result: &Result<Value, CallError<Value>>) -> Self {
        let (name, is_response) = match result {
            Ok(_) => ("answered", true),
            Err(CallError::Application(_)) => ("application_error", true),
            Err(CallError::Refused { .. }) => ("refused", true),
            Err(CallError::Decode { .. }) => ("undecodable", true),
            Err(CallError::Timeout { .. }) => ("timeout", false),
            Err(CallError::Unreachable { .. }) => ("unreachable", false),
            Err(CallError::TooLarge { .. }) => ("too_large", false),
            Err(CallError::Encode { .. }) => ("unencodable", false),
            Err(CallError::TooManyCalls { .. }) => ("too_many_calls", false),
            Err(CallError::Closed) => ("closed", false),
            Err(error) => (errors::outcome_name(error).unwrap_or("io_error"), false),
        };
        Self { name, is_response }
    }
}
