use rpcudp_core::codec::{ArgumentError, EncodeError};
use rpcudp_core::value::Encoded;
use serde::Serialize;

use crate::client::did_run::DidRun;
use crate::client::error::CallError;
use crate::client::refusal::Refusal;
use crate::server::rejection::Rejection;
use crate::server::response::{IntoResponse, ResponseWriter};
use crate::telemetry::outcome::Outcome;

/// The response of a [`DynamicService`](crate::DynamicService) to a request.
///
/// The response to a oneway request is not sent.
#[derive(Clone, Debug)]
pub struct DynamicResponse(Content);

#[derive(Clone, Debug)]
enum Content {
    Value(Encoded),
    Error(Encoded),
    Unencodable(EncodeError),
    Malformed(ArgumentError),
    Refusal(Refusal),
    None,
}

impl DynamicResponse {
    /// Responds with a value. Encodes it at once.
    ///
    /// If it cannot be encoded, the request is refused with
    /// [`Refusal::ResponseUnencodable`](crate::Refusal::ResponseUnencodable), and the log has the
    /// reason.
    #[must_use]
    pub fn value<T: Serialize + ?Sized>(value: &T) -> Self {
        Self(Encoded::of(value).map_or_else(Content::Unencodable, Content::Value))
    }

    /// Responds with a value that is already encoded.
    #[must_use]
    pub fn encoded(value: Encoded) -> Self {
        Self(Content::Value(value))
    }

    /// Responds with the application's own error, which is the `Err` of a method that returns a
    /// `Result`. Otherwise like [`value`](Self::value).
    ///
    /// Python's callers get no response, as from a method of a contract that fails.
    #[must_use]
    pub fn error<E: Serialize + ?Sized>(error: &E) -> Self {
        Self(Encoded::of(error).map_or_else(Content::Unencodable, Content::Error))
    }

    /// Responds with an [`error`](Self::error) that is already encoded.
    #[must_use]
    pub fn encoded_error(error: Encoded) -> Self {
        Self(Content::Error(error))
    }

    /// Refuses the request because an argument is missing or has another form:
    /// [`Refusal::MalformedArguments`](crate::Refusal::MalformedArguments) with the text of the
    /// error.
    #[must_use]
    pub fn malformed(error: ArgumentError) -> Self {
        Self(Content::Malformed(error))
    }

    /// Refuses the request.
    ///
    /// The reason must be true, because the caller concludes from it
    /// [whether the method ran](crate::CallError::did_run).
    /// [`UndeclaredError`](crate::Refusal::UndeclaredError) and [`Other`](crate::Refusal::Other)
    /// are sent as [`Rejected`](crate::Refusal::Rejected), because they are no reasons of a server.
    #[must_use]
    pub fn refusal(reason: Refusal) -> Self {
        Self(Content::Refusal(reason))
    }

    /// Sends no response, and the call ends at its timeout. Duplicates of an `at_most_once` request
    /// get none either.
    ///
    /// For peers that take silence for a refusal, as those of Python do.
    #[must_use]
    pub fn none() -> Self {
        Self(Content::None)
    }

    /// Returns the value, if this is one. For unit tests, and for services around others.
    ///
    /// ```
    /// use rpcudp::dynamic::RawArguments;
    /// use rpcudp::{Context, DynamicResponse, DynamicService};
    ///
    /// struct Half;
    ///
    /// impl DynamicService for Half {
    ///     fn name(&self) -> &str {
    ///         "Half"
    ///     }
    ///     async fn call(&self, _: &Context, _: &str, arguments: RawArguments<'_>) -> DynamicResponse {
    ///         DynamicResponse::value(&(arguments.count() / 2))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let response = Half.call(&Context::for_test().build(), "half", RawArguments::new(2, b"\x01\x02")).await;
    /// let value: u32 = response.as_value().ok_or("no value")?.decode()?;
    /// assert_eq!(value, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn as_value(&self) -> Option<&Encoded> {
        if let Content::Value(value) = &self.0 { Some(value) } else { None }
    }

    /// Returns the application's own error, if this is one.
    #[must_use]
    pub fn as_error(&self) -> Option<&Encoded> {
        if let Content::Error(error) = &self.0 { Some(error) } else { None }
    }

    /// Returns the reason of the refusal, if the request is refused.
    #[must_use]
    pub fn as_refusal(&self) -> Option<&Refusal> {
        match &self.0 {
            Content::Refusal(reason) => Some(reason),
            Content::Malformed(_) => Some(&Refusal::MalformedArguments),
            Content::Unencodable(_) => Some(&Refusal::ResponseUnencodable),
            Content::Value(_) | Content::Error(_) | Content::None => None,
        }
    }

    /// Responds with the result of a call to another peer, for a service that
    /// [forwards](crate::DynamicMethod::forward) its requests.
    ///
    /// | result of the call | response |
    /// | --- | --- |
    /// | a value, or the application's own error | the same |
    /// | [`Refused`](crate::CallError::Refused) | the same refusal |
    /// | any other error after which [the method did not run](crate::CallError::did_run) | [`Refusal::Busy`](crate::Refusal::Busy) if the error [may pass](crate::CallError::is_retryable), else [`Refusal::Rejected`](crate::Refusal::Rejected) |
    /// | [`Timeout`](crate::CallError::Timeout) | [`Refusal::Stopped`](crate::Refusal::Stopped) |
    /// | any other error | [`Refusal::Rejected`](crate::Refusal::Rejected) |
    #[must_use]
    pub fn forwarded(result: Result<Encoded, CallError<Encoded>>) -> Self {
        let error = match result {
            Ok(value) => return Self::encoded(value),
            Err(error) => error,
        };
        let did_not_run = error.did_run() == DidRun::No;
        let may_pass = error.is_retryable();
        match error {
            CallError::Application(error) => Self::encoded_error(error),
            CallError::Refused { reason, .. } => Self::refusal(reason),
            CallError::Timeout { .. } => Self::refusal(Refusal::Stopped),
            _ if did_not_run && may_pass => Self::refusal(Refusal::Busy),
            _ => Self::refusal(Refusal::Rejected),
        }
    }
}

impl IntoResponse for DynamicResponse {
    fn write(&self, writer: &mut ResponseWriter<'_>) -> Result<Outcome, Rejection> {
        match &self.0 {
            _ if !writer.expects_response() => Ok(Outcome::Done),
            Content::Value(value) => Ok(writer.encoded_value(value.bytes())),
            Content::Error(error) => Ok(writer.encoded_error(error.bytes())),
            Content::Unencodable(error) => Err(Rejection::ResponseUnencodable(error.clone())),
            Content::Malformed(error) => Err(Rejection::MalformedArguments(error.clone())),
            Content::Refusal(reason) => Err(Rejection::ByService(reason.clone())),
            Content::None => Ok(Outcome::Done),
        }
    }
}
