//! The contract of the examples `server` and `client`, as in the Python package's own examples.

use rpcudp::{Context, rpc_service};

/// The contract that both sides compile against. In your own program, put it in a crate that both
/// depend on.
#[rpc_service]
pub(crate) trait Greeter {
    /// Returns a greeting with the caller's address.
    fn sayhi_quickly(&self, cx: &Context, name: &str) -> String;
    /// Returns the same greeting after a delay. The server handles other requests in the meantime.
    async fn sayhi_slowly(&self, cx: &Context, name: &str) -> String;
}
