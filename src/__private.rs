//! Items that generated code refers to. Not a public interface: it changes with the macro, whose
//! crate is pinned to the same version.

pub use std::sync::Arc;
pub use std::time::Duration;

pub use rpcudp_core::codec::{ArgumentError, Arguments};
pub use rpcudp_core::contract;
pub use rpcudp_core::contract::Delivery;

pub use crate::client::is_result::IsResult;
pub use crate::client::request::{CallSpec, OutgoingRequest};
pub use crate::client::stub::Stub;
pub use crate::introspection::literal::{Text, list, text};
pub use crate::server::context::{IsContext, as_context};
pub use crate::server::incoming_request::IncomingRequest;
pub use crate::server::owned_request::{OwnedRequest, as_slice};
pub use crate::server::response::{
    Fallible, IntoResponse, NoResponse, ResponseWriter, Value, no_response, respond, respond_result,
};
pub use crate::server::service::Method;
pub use crate::telemetry::outcome::Outcome;
