use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcudp_transport::canonical;

use super::as_endpoint::AsEndpoint;
use crate::endpoint::Endpoint;

/// The fields of a generated client.
#[doc(hidden)]
#[derive(Debug)]
pub struct Stub {
    /// Shared with the calls of this client only. All threads count handles to the endpoint itself,
    /// and would contend for that count with each call.
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) peer: SocketAddr,
    /// The timeout of calls, if the client sets one.
    pub(crate) timeout: Option<Duration>,
    /// The deadline of the request that calls are made for, if there is one.
    pub(crate) deadline: Option<Instant>,
}

impl Clone for Stub {
    fn clone(&self) -> Self {
        Self { endpoint: Arc::new(Endpoint::clone(&self.endpoint)), ..*self }
    }
}

impl Stub {
    pub(crate) fn new(via: &impl AsEndpoint, peer: SocketAddr) -> Self {
        let endpoint = Arc::new(via.as_endpoint());
        Self { endpoint, peer: canonical(peer), timeout: None, deadline: via.deadline() }
    }

    /// Formats the generated client `name` for `Debug`.
    ///
    /// # Errors
    ///
    /// If the formatter returns one.
    pub fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut client = f.debug_struct(name);
        client.field("peer", &self.peer);
        if let Some(timeout) = &self.timeout {
            client.field("timeout", timeout);
        }
        client.finish_non_exhaustive()
    }
}
