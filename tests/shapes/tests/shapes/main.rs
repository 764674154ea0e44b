//! Traits of many shapes, each served and called over sockets. They are written after the manner of
//! other frameworks' tests and handlers, and show what a contract may look like. `tests/ui` has the
//! shapes that do not compile, with the reason.

#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::allow_attributes_without_reason,
    reason = "the shapes are those of users, who need not follow our lints"
)]

mod async_traits;
mod json_rpc;
mod messages;
mod request_response;
mod unary_handlers;

use rpcudp::{Endpoint, Service};

type Done = Result<(), Box<dyn std::error::Error>>;

/// A type that a macro's contract names by `$crate`.
pub type Wrapped = u8;

/// Returns an endpoint that serves, and one that calls.
async fn pair(service: impl Service) -> Result<(Endpoint, Endpoint), rpcudp::BindError> {
    let server = Endpoint::builder().serve(service).bind("127.0.0.1:0").await?;
    Ok((server, Endpoint::bind("127.0.0.1:0").await?))
}
