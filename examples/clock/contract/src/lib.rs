//! The contract of the clock.

use std::time::Duration;

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

/// A clock that others read over the network.
#[rpc_service(namespace = "clock.")]
pub trait Clock {
    /// Returns the time of the server.
    #[rpc(at_least_once)]
    fn time(&self) -> Time;
    /// Returns after some milliseconds.
    #[rpc(timeout = "1m")]
    async fn wait(&self, millis: u32);
}

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Time {
    /// The time since 1970 in UTC.
    pub since_1970: Duration,
}
