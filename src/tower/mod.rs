//! Layers of [`tower`](https://docs.rs/tower) between the network and an endpoint's services: the
//! feature `tower`.
//!
//! ```toml
//! rpcudp = { version = "0.1", features = ["tower"] }
//! tower = { version = "0.5", features = ["limit", "load-shed", "timeout"] }
//! ```
//!
//! [`Builder::layer`](crate::Builder::layer) puts a [`Layer`](::tower::Layer) around everything
//! that the endpoint serves, for any contract. A layer sees a [`Request`] that is not decoded yet,
//! and a [`Response`] that is already encoded.
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
//! # The caller's view of a layer's result
//!
//! | the layer | the caller gets `Refused` with | did the method run? |
//! | --- | --- | --- |
//! | is not ready: `poll_ready` is pending | [`Busy`](crate::Refusal::Busy) | no |
//! | sheds load: `tower::load_shed::error::Overloaded` | [`Busy`](crate::Refusal::Busy) | no |
//! | runs out of time: `tower::timeout::error::Elapsed` | [`Stopped`](crate::Refusal::Stopped) | maybe, in part |
//! | fails with any other error | [`Rejected`](crate::Refusal::Rejected) | depends on the layer |
//! | panics | [`Panicked`](crate::Refusal::Panicked) | depends on the layer |
//!
//! Requests are not queued in front of a layer that is not ready: a queued request would be late,
//! so its caller is refused at once. A layer that should wait brings its own queue, as
//! `tower::buffer` does, and finds the caller's deadline in
//! [`Context::remaining`](crate::Context::remaining). The error's text goes to the log, at `warn`
//! and at most once a second, and not to the caller. Callers in the storj dialect, and Python
//! callers, are sent no refusals at all.
//!
//! An error is recognised if it is the layer's own or one of its sources, so a layer may wrap the
//! errors of other layers.
//!
//! Delivery semantics hold: the response to an `at_most_once` request is stored, refusals included,
//! and duplicates are sent the same response without passing the layers. Requests that are refused
//! or dropped before routing, and requests that the endpoint's own limits stop, do not pass the
//! layers either.
//!
//! # Cost
//!
//! Endpoints without a layer pay nothing. With a layer, each request is a task of its own, even for
//! a sync method, counts towards [`Builder::max_handlers`](crate::Builder::max_handlers), and has
//! its arguments copied. A `blocking` method also counts towards
//! [`Builder::max_blocking_handlers`](crate::Builder::max_blocking_handlers), until it returns: a
//! layer that gives up on it does not end it. One instance of the layers handles all requests, one
//! after another: `poll_ready` and `call` run on the receive loop and must not block; the returned
//! future runs in the request's task.

mod handler;
mod layers;
mod request;

pub use self::handler::Handler;
pub(crate) use self::layers::Layers;
pub use self::request::{BoxError, Request, Response};
