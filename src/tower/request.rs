use std::error::Error;
use std::fmt;
use std::sync::Arc;

use rpcudp_core::contract::Delivery;

use crate::server::context::Context;
use crate::server::owned_request::OwnedRequest;
use crate::server::service::AnyService;
use crate::telemetry::outcome::Outcome;

/// The error of a layer.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A request for a method that the endpoint serves, with its arguments still encoded.
pub struct Request {
    pub(super) owned: OwnedRequest,
    pub(super) service: Arc<dyn AnyService>,
    /// The index of the method in the service.
    pub(super) index: usize,
}

impl Request {
    pub(super) fn new(owned: OwnedRequest, service: &Arc<dyn AnyService>, index: usize) -> Self {
        Self { owned, service: Arc::clone(service), index }
    }

    /// Returns the wire name of the method. A service that takes
    /// [other methods](crate::DynamicService::other_methods) gets names that peers choose.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.owned.head.method
    }

    /// Returns the delivery that the contract declares.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.owned.head.delivery
    }

    /// Returns the context, with the sender and the caller's deadline.
    #[must_use]
    pub fn context(&self) -> &Context {
        self.owned.context()
    }

    /// Returns the encoded arguments: consecutive msgpack values.
    #[must_use]
    pub fn arguments(&self) -> &[u8] {
        self.owned.raw_arguments().bytes()
    }
}

/// The response to a request: the datagram as it will be sent, which may be a refusal.
pub struct Response {
    pub(super) datagram: Vec<u8>,
    /// `None` if the caller's deadline had passed before the method ran.
    pub(super) outcome: Option<Outcome>,
}

impl Response {
    /// Returns whether the method ran and did not return `Err`.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Completed | Outcome::Done))
    }

    /// Returns the outcome in snake case: `answered`, `done` (oneway), `application_error`,
    /// `expired` (the caller's deadline had passed before the method ran), `malformed_arguments`,
    /// `panicked`, `response_too_large`, `response_unencodable`, or the refusal of an inner layer.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        self.outcome.map_or("expired", Outcome::name)
    }

    /// Returns the length of the response's datagram, in bytes. 0 if no response is sent.
    #[must_use]
    pub fn datagram_len(&self) -> usize {
        self.datagram.len()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("sender", &self.context().sender())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("outcome", &self.outcome()).finish_non_exhaustive()
    }
}
