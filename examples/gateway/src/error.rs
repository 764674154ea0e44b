use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rpcudp::value::{Encoded, Value};
use rpcudp::{CallError, Refusal};
use serde_json::json;

use crate::json;

/// A request that has no value as its response: the status of HTTP, and a body for programs.
#[derive(Debug)]
pub(crate) struct GatewayError {
    status: StatusCode,
    body: serde_json::Value,
}

impl GatewayError {
    pub(crate) fn bad_request(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(crate) fn bad_gateway(message: String) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "bad_gateway", message)
    }

    pub(crate) fn forbidden() -> Self {
        let message = "a page in a browser must not call peers: remove the header `Origin`";
        Self::new(StatusCode::FORBIDDEN, "forbidden", message.into())
    }

    /// Returns the status for a failed call, and the application's own error.
    pub(crate) fn of_call(error: &CallError<Encoded>) -> Self {
        let (status, name) = match error {
            CallError::Application(error) => {
                let error = error.decode().unwrap_or(Value::Nil);
                let body = json!({ "error": "application", "value": json::from_value(&error) });
                return Self { status: StatusCode::UNPROCESSABLE_ENTITY, body };
            }
            CallError::Timeout { .. } => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            CallError::Unreachable { .. } => (StatusCode::BAD_GATEWAY, "unreachable"),
            CallError::TooLarge { .. } | CallError::Encode { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            CallError::Refused { reason: Refusal::UnknownMethod, .. } => (StatusCode::NOT_FOUND, "unknown_method"),
            CallError::Refused { reason: Refusal::MalformedArguments, .. } => {
                (StatusCode::BAD_REQUEST, "malformed_arguments")
            }
            CallError::Refused { reason: Refusal::Busy | Refusal::Closing, .. } | CallError::TooManyCalls { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "busy")
            }
            CallError::Refused { .. } => (StatusCode::BAD_GATEWAY, "refused"),
            _ => (StatusCode::BAD_GATEWAY, "failed"),
        };
        Self::new(status, name, error.to_string())
    }

    fn new(status: StatusCode, error: &str, message: String) -> Self {
        Self { status, body: json!({ "error": error, "message": message }) }
    }
}

impl IntoResponse for GatewayError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}
