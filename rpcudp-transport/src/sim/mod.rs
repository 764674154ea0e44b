//! A simulated network in memory and in virtual time, for tests under bad network conditions.
//!
//! [`Network`] is the network, [`Conditions`] sets its loss, latency and other faults, and a
//! [`Node`] is an address on it: a [`Transport`](crate::Transport) that an endpoint takes instead
//! of a socket. Addresses are free to choose and cost nothing.
//!
//! ```
//! use rpcudp::sim::{Conditions, Network};
//! use rpcudp::{Endpoint, rpc_service};
//! use std::time::Duration;
//! use tokio::time::Instant;
//!
//! #[rpc_service]
//! trait Clock {
//!     fn hour(&self) -> u8;
//! }
//!
//! struct Noon;
//!
//! impl Clock for Noon {
//!     fn hour(&self) -> u8 {
//!         12
//!     }
//! }
//!
//! // In a test, write `#[tokio::test(start_paused = true)]`.
//! #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let network = Network::new(7);
//!     network.set_conditions(Conditions::default().latency(Duration::from_millis(20)));
//!     let server = Endpoint::builder().serve(ClockServer::new(Noon));
//!     let server = server.bind_transport(network.bind("10.0.0.1:7000")?)?;
//!     let endpoint = Endpoint::builder().bind_transport(network.bind("10.0.0.2:7000")?)?;
//!
//!     let start = Instant::now();
//!     let clock = ClockClient::new(&endpoint, server.local_addr());
//!     assert_eq!(clock.hour().await?, 12);
//!     assert_eq!(start.elapsed(), Duration::from_millis(40));
//!
//!     network.partition([server.local_addr().ip()]);
//!     assert!(clock.hour().await.unwrap_err().is_timeout());
//!     Ok(())
//! }
//! ```
//!
//! If tokio's time is paused (its feature `test-util`), an hour of timeouts passes in a moment:
//! when all tasks are idle, the clock advances to the next timer. Times are rounded up to whole
//! milliseconds, the resolution of tokio's timers.
//!
//! # Seeds
//!
//! The same seed gives the same run: the same losses, duplicates, delays and reordering, message
//! ids and times of retransmissions. The run depends on the seed and on the order in which
//! datagrams are sent. A single-threaded runtime with paused time repeats that order if the test is
//! deterministic itself: no clock but tokio's, no randomness without a seed, no iteration over a
//! `HashMap`. Run a test with several seeds, and print the seed of a run that fails.

mod conditions;
mod network;
mod node;
mod receive_queue;
mod stats;
mod switch;

pub use conditions::Conditions;
pub use network::Network;
pub use node::Node;
pub use stats::NetworkStats;

#[cfg(test)]
mod tests;
