#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod block_on;
mod buffer_pool;
mod builder;
mod calls;
mod client;
mod clock;
mod driver;
mod endpoint;
mod introspection;
mod lock;
mod panic;
mod server;
mod telemetry;
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
pub use client::as_endpoint::AsEndpoint;
pub use client::call::{Call, CallOf};
pub use client::dynamic_method::DynamicMethod;
pub use client::error::CallError;
pub use client::refusal::Refusal;
pub use endpoint::Endpoint;
pub use endpoint::close::Close;
pub use rpcudp_core::codec::{DecodeError, EncodeError};
pub use rpcudp_core::{Dialect, DropReason, Limits, MessageId, Stats};
pub use rpcudp_macros::rpc_service;
#[doc(inline)]
pub use rpcudp_transport as transport;
pub use rpcudp_transport::UdpOptions;
pub use rpcudp_transport::sim;
pub use server::context::Context;
pub use server::service::Service;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use telemetry::metric_names as metrics;

/// Contracts as data: what a service declares, what a peer publishes, and the comparison of the
/// two.
pub mod contract {
    #[doc(inline)]
    pub use rpcudp_core::contract::{Argument, AssociatedType, Contract, Delivery, Method};

    pub use crate::introspection::query::{ContractQuery, Differences};
}

/// The parts of [`Stats`].
pub mod stats {
    pub use rpcudp_core::{CallStats, DatagramStats, RequestStats};
}
