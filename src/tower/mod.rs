//! Layers of [`tower`](https://docs.rs/tower) between the network and an endpoint's services: the feature `tower`.
//!
//! ```toml
//! rpcudp = { version = "0.1", features = ["tower"] }
//! tower = { version = "0.5", features = ["limit", "load-shed", "timeout"] }
//! ```
//!
//! [`Builder::layer`] puts a [`Layer`] around everything that the endpoint serves, whatever its contracts. What a layer sees is
//! a [`Request`] that is not decoded yet, and a [`Response`] that is encoded already.
//!
//! ```
//! use std::time::Duration;
//!
//! use rpcudp::{CallError, Endpoint, Refusal, rpc_service};
//! use tower::ServiceBuilder;
//!
//! #[rpc_service]
//! trait Archive {
//!     #[rpc(at_most_once)]
//!     async fn search(&self, text: &str) -> Vec<String>;
//! }
//!
//! struct Slow;
//!
//! impl Archive for Slow {
//!     async fn search(&self, text: &str) -> Vec<String> {
//!         tokio::time::sleep(Duration::from_secs(60)).await;
//!         vec![text.into()]
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layers = ServiceBuilder::new().concurrency_limit(1).timeout(Duration::from_millis(100));
//! let server = Endpoint::builder().serve(ArchiveServer::new(Slow)).layer(layers).bind("127.0.0.1:0").await?;
//!
//! let endpoint = Endpoint::bind("127.0.0.1:0").await?;
//! let archive = ArchiveClient::new(&endpoint, server.local_addr());
//! let (one, other) = tokio::join!(archive.search("one"), archive.search("other"));
//! assert!(matches!(one, Err(CallError::Refused { reason: Refusal::Stopped, .. })));
//! assert!(matches!(other, Err(CallError::Refused { reason: Refusal::Busy, .. })));
//! # Ok(())
//! # }
//! ```
//!
//! # What a layer's answer means to the caller
//!
//! | the layer | the caller gets `Refused` with | did the method run? |
//! | --- | --- | --- |
//! | is not ready: `poll_ready` is pending | [`Busy`](crate::Refusal::Busy) | no |
//! | sheds load: `tower::load_shed::error::Overloaded` | [`Busy`](crate::Refusal::Busy) | no |
//! | runs out of time: `tower::timeout::error::Elapsed` | [`Stopped`](crate::Refusal::Stopped) | perhaps, in part |
//! | fails with any other error | [`Rejected`](crate::Refusal::Rejected) | the layer knows |
//! | panics | [`Panicked`](crate::Refusal::Panicked) | the layer knows |
//!
//! Nothing queues before a layer that is not ready: a datagram that waited would be late, and its caller is told at once. (A
//! layer that is to wait has a queue of its own, as `tower::buffer` does, and the caller's patience is
//! [`Context::remaining`].) What the error says stays in the log, at `warn` and once a second; no caller is told. Callers in
//! the storj dialect, and Python, hear nothing of a refusal at all.
//!
//! An error counts where it is the layer's or one of its sources, so that a layer may wrap those of others.
//!
//! Promises are kept: whatever comes of an `at_most_once` request is its answer, refusals included. Copies get the same answer,
//! and no layer sees them; nor does any see what is refused or dropped before a method is looked for, and what the endpoint's
//! own limits stop.
//!
//! # What it costs
//!
//! Endpoints without a layer pay nothing. With one, each request is a task of its own, of sync methods too, counts towards
//! [`Builder::max_handlers`], and its arguments are copied. One instance of the layers serves all requests, one after the other:
//! `poll_ready` and `call` run on the receive loop and must not block it; what the future does is the task's.

mod handler;
mod layers;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use ::tower::{Layer, Service};
use rpcudp_core::contract::Delivery;

pub use self::handler::Handler;
pub(crate) use self::handler::Innermost;
pub(crate) use self::layers::Layers;
use crate::server::inline_request::Arrived;
use crate::server::owned_request::OwnedRequest;
use crate::server::service::AnyService;
use crate::telemetry::outcome::Conclusion;
use crate::{Builder, Context};

/// What a layer may fail with.
pub type BoxError = Box<dyn Error + Send + Sync>;

impl Builder {
    /// Puts a layer between the network and everything that this endpoint serves, before or after the call of
    /// [`serve`](Self::serve). A second one goes around the first; tower's `ServiceBuilder` is a layer of several, the
    /// outermost of which it is told first. Feature `tower`; [`rpcudp::tower`](crate::tower) says what it means.
    ///
    /// ```
    /// use rpcudp::tower::BoxError;
    /// use rpcudp::{Endpoint, rpc_service};
    /// use tower::filter::FilterLayer;
    ///
    /// #[rpc_service]
    /// trait Clock {
    ///     fn hour(&self) -> u8;
    ///     fn set(&self, hour: u8);
    /// }
    /// # struct Noon;
    /// # impl Clock for Noon {
    /// #     fn hour(&self) -> u8 {
    /// #         12
    /// #     }
    /// #     fn set(&self, _: u8) {}
    /// # }
    ///
    /// /// Only who is on this machine sets the clock.
    /// fn check(request: rpcudp::tower::Request) -> Result<rpcudp::tower::Request, BoxError> {
    ///     match request.method() {
    ///         "set" if !request.context().sender().ip().is_loopback() => Err("not from afar".into()),
    ///         _ => Ok(request),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Endpoint::builder().serve(ClockServer::new(Noon)).layer(FilterLayer::new(check));
    /// let server = server.bind("127.0.0.1:0").await?;
    /// # ClockClient::new(&server, server.local_addr()).set(1).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Handler>,
        L::Service: Service<Request, Response = Response> + Send + 'static,
        <L::Service as Service<Request>>::Error: Into<BoxError>,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.router.layer(|handler| Layers::new(layer.layer(handler)));
        self
    }
}

/// A request for a method that the endpoint serves, before its arguments are decoded.
pub struct Request {
    request: OwnedRequest,
    method: &'static str,
    delivery: Delivery,
    /// How long its datagram was.
    len: usize,
    service: Arc<dyn AnyService>,
    index: usize,
}

impl Request {
    fn new(arrived: &Arrived<'_>, service: &Arc<dyn AnyService>, index: usize) -> Self {
        Self {
            request: OwnedRequest::new(arrived.cx, arrived.arguments),
            method: arrived.method,
            delivery: arrived.delivery,
            len: arrived.len,
            service: Arc::clone(service),
            index,
        }
    }

    /// The wire name of the method.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// What the contract promises of it.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// Who sent it, and for how long its sender waits.
    #[must_use]
    pub fn context(&self) -> &Context {
        self.request.context()
    }

    /// The arguments as they came, one msgpack value after the other.
    #[must_use]
    pub fn arguments(&self) -> &[u8] {
        self.request.raw_arguments().bytes()
    }
}

/// What came of a request: the answer as it is sent, or the refusal.
pub struct Response {
    answer: Vec<u8>,
    /// `None` where the caller had given up before.
    conclusion: Option<Conclusion>,
}

impl Response {
    /// Whether the method ran, and returned something that is not `Err`.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self.conclusion, Some(Conclusion::Answered | Conclusion::Done))
    }

    /// How the request ended, in snake case: `answered`, `done` (oneway), `application_error`, `expired` (its caller had given
    /// up before it ran), `malformed_arguments`, `panicked`, `response_too_large`, `response_unencodable`, or how an inner layer
    /// refused it.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        self.conclusion.map_or("expired", Conclusion::name)
    }

    /// How long the datagram is that answers it; nothing where none does.
    #[must_use]
    pub fn datagram_len(&self) -> usize {
        self.answer.len()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("sender", &self.context().sender())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("outcome", &self.outcome()).finish_non_exhaustive()
    }
}
