#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod block_on;
mod buffer_pool;
mod builder;
mod calls;
mod client;
mod driver;
mod endpoint;
mod introspection;
mod server;
mod telemetry;
mod wake_flag;

pub use builder::Builder;
pub use builder::bind::Bind;
pub use builder::bind_error::BindError;
pub use client::call::{Call, CallOf};
pub use client::dynamic_method::DynamicMethod;
pub use client::error::{CallError, Refusal};
pub use client::{AsEndpoint, Client};
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

/// What a service says of itself, what a peer says of those that it serves, and whether the two agree.
pub mod contract {
    #[doc(inline)]
    pub use rpcudp_core::contract::{Argument, AssociatedType, Contract, Delivery, Method};

    pub use crate::introspection::query::{ContractQuery, Differences};
}

/// The parts of [`Stats`].
pub mod stats {
    pub use rpcudp_core::{CallStats, DatagramStats, RequestStats};
}

#[cfg(feature = "metrics")]
pub use telemetry::metric_names as metrics;
#[cfg(feature = "tower")]
pub mod tower;

#[doc(hidden)]
pub mod __private;
