//! Typed RPC over UDP: [`#[rpc_service]`](rpc_service) on a trait generates a typed client and a
//! typed server, and one [`Endpoint`] both calls and serves through one socket. The wire format is
//! that of Python's `rpcudp`.
//!
//! # Entry points
//!
//! | item | purpose |
//! | --- | --- |
//! | [`#[rpc_service]`](rpc_service) | the contract: its methods, arguments, results, delivery and timeouts; also the rules for contracts that change |
//! | [`Endpoint`] | a bound socket: [`Endpoint::bind`] to call, [`Endpoint::builder`] to serve as well; closing, counters, contracts of peers |
//! | [`Builder`] | the options of an endpoint, each with its default: services, timeout, limits, sizes, sockets |
//! | [`Client`] | the methods that every generated client has: `new`, `group`, `with_peer`, `with_timeout` |
//! | [`Call`] | the future that a client's method returns, with options for this call and `wait` for code outside async |
//! | [`CallError`] | the ways in which a call can fail, [`Refusal`], the reasons of a peer, and [`NoError`], for methods without an error of their own |
//! | [`Context`] | a handler's view of its request: the sender, the remaining time, the endpoint to call back through |
//! | `Inflow`, `Outflow` | streams in contracts, with the feature `secure` |
//! | [`Peers`] | the peers of a group: a list, or a source that reports each [`Change`] |
//! | [`session`] | peers that join and leave: capacity, a fair line, exclusive access, calls to all members |
//! | [`sim`] | a network in memory for tests: loss, latency and partitions, in virtual time, repeatable by a seed |
//! | [`testing`] | unit tests without a network: a [`Context`] for handlers, a peer in memory for code that takes a client |
//! | [`Schema`] | the derive that makes the definition of a type part of the contracts that mention it |
//! | [`DynamicMethod`], [`DynamicService`] | calls by name without a contract, and services with methods known at run time only |
//! | [`value`] | values without a declared type, timestamps and other extension types of msgpack |
//! | [`contract`] | contracts as data: to print, compare, publish and fetch |
//! | [`Limits`], [`Stats`], [`UdpOptions`] | limits for peers, counters, options of the socket |
//! | [`transport`] | the trait behind sockets and the simulated network, for transports of your own |
//!
//! # Features
//!
//! No feature is on by default. `secure` adds links: encrypted calls and streams between peers that
//! prove their keys. `metrics` counts and times calls and requests for a recorder of the
//! [`metrics`](https://docs.rs/metrics) facade. `tower` puts layers of [`tower`](https://docs.rs/tower)
//! between the network and the services of an endpoint. `opentelemetry` carries the trace context
//! of [`opentelemetry`](https://docs.rs/opentelemetry) in the metadata of requests ("Logs and spans"
//! below).
//!
//! The rest of this page is the project's README: an example, the life of a call, Python, a table
//! from tasks to items, testing, logs and limits.
#![doc = ""]
#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(clippy::test_attr_in_doctest, reason = "README.md shows tests, which run in tests/behaviour")]

mod block_on;
mod buffer_pool;
mod builder;
mod calls;
mod client;
mod clock;
mod driver;
mod endpoint;
mod group;
mod introspection;
#[cfg(feature = "secure")]
mod links;
#[cfg(not(feature = "secure"))]
#[path = "links/no_links.rs"]
mod links;
mod lock;
mod panic;
mod server;
mod services;
pub mod session;
#[cfg(feature = "secure")]
mod streams;
mod telemetry;
pub mod testing;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub mod tower;
mod wake_flag;

#[doc(hidden)]
pub mod __private;

pub use builder::Builder;
pub use builder::bind::Bind;
pub use builder::bind_error::BindError;
pub use client::Client;
pub use client::all::All;
pub use client::as_endpoint::AsEndpoint;
pub use client::call::{Call, CallOf};
pub use client::did_run::DidRun;
pub use client::dynamic_method::DynamicMethod;
pub use client::error::CallError;
pub use client::idempotent::{AtLeastOnce, Hedgeable, NotRepeatable};
pub use client::no_error::NoError;
pub use client::quorum::{Quorum, QuorumError};
pub use client::refusal::Refusal;
pub use endpoint::Endpoint;
pub use endpoint::close::Close;
pub use endpoint::cork::Cork;
pub use endpoint::weak::WeakEndpoint;
pub use group::change::Change;
pub use group::peer_source::PeerSource;
pub use group::peer_status::{PeerState, PeerStatus};
pub use group::peers::Peers;
pub use introspection::schema::Schema;
#[cfg(feature = "secure")]
#[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
pub use links::plain::Plain;
pub use rpcudp_core::codec::{DecodeError, EncodeError};
#[doc(inline)]
pub use rpcudp_core::value;
pub use rpcudp_core::{Dialect, DropReason, Limits, MessageId, MetadataError, Stats};
pub use rpcudp_macros::{Schema, rpc_service};
#[cfg(feature = "secure")]
#[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
pub use rpcudp_secure::{
    AnyPeer, Expected, Identity, KeyError, LinkEnd, LinkEnds, LinkOptions, LinkStats, LinkStatus, PeerId,
};
#[doc(inline)]
pub use rpcudp_transport as transport;
pub use rpcudp_transport::UdpOptions;
pub use rpcudp_transport::sim;
pub use server::context::Context;
pub use server::dynamic::DynamicService;
pub use server::dynamic::response::DynamicResponse;
#[cfg(feature = "secure")]
#[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
pub use server::secure_context::SecureContext;
pub use server::service::Service;
pub use server::services::ServiceId;
pub use services::add_service_error::AddServiceError;
pub use session::{JoinError, Session};
#[cfg(feature = "secure")]
#[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
pub use streams::{
    inflow::Inflow, inflow_error::InflowError, outflow::Outflow, outflow_error::OutflowError,
    outflow_sender::OutflowSender, reader::InflowReader,
};
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use telemetry::metric_names as metrics;
pub use telemetry::progress::Progress;

/// The programs of the cookbook, which run as tests. One of them needs links.
#[cfg(all(doctest, feature = "secure"))]
#[doc = include_str!("../docs/cookbook.md")]
mod cookbook {}

/// Contracts as data: what a service declares, what a peer publishes, and the comparison of the
/// two.
pub mod contract {
    #[doc(inline)]
    pub use rpcudp_core::contract::{
        Argument, AssociatedType, Contract, Definition, Delivery, Field, Fields, Method, Shape, Tagging, Variant,
    };

    pub use crate::introspection::query::{ContractQuery, Differences};
}

/// Parts of a [`DynamicService`]: its arguments, responses that other threads send, and services
/// with their type erased.
pub mod dynamic {
    #[doc(inline)]
    pub use rpcudp_core::RawArguments;
    #[doc(inline)]
    pub use rpcudp_core::codec::{ArgumentError, Arguments};

    pub use crate::server::dynamic::boxed::BoxedService;
    pub use crate::server::dynamic::deferred::{Deferred, Responder};
}

/// The parts of [`Stats`].
pub mod stats {
    pub use rpcudp_core::{CallStats, DatagramStats, RequestStats, SessionStats};
}
