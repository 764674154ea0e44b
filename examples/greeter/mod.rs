//! The contract of the examples `server` and `client`: what the examples of the Python package serve.

use rpcudp::{Context, rpc_service};

/// Both sides compile against this. In a program of your own it is in a crate that both depend on.
#[rpc_service]
pub(crate) trait Greeter {
    /// Greets, and says where the caller lives.
    fn sayhi(&self, cx: &Context, name: &str) -> String;
    /// The same, at once.
    fn sayhi_quickly(&self, cx: &Context, name: &str) -> String;
    /// The same, after a while. Nothing else waits for it.
    async fn sayhi_slowly(&self, cx: &Context, name: &str) -> String;
}
