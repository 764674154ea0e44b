//! A network in memory and in virtual time, that misbehaves as it is told to.
//!
//! [`Network`] is the network, [`Conditions`] is how badly it behaves, and a [`Node`] is a place on it: a
//! [`Transport`](crate::Transport), which an endpoint takes instead of a socket. Addresses are made up and cost
//! nothing.
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
//! // In a test, `#[tokio::test(start_paused = true)]` says the same.
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
//! With tokio's time paused (its feature `test-util`) an hour of timeouts passes in a moment: whenever every task waits,
//! the clock goes on to the next moment that something happens. Times are rounded up to whole milliseconds, which is how
//! finely tokio's timers work.
//!
//! # Seeds
//!
//! The same seed gives the same run: what is lost, doubled, delayed and overtaken, message ids, the times of resends.
//! It follows from the seed and from the order in which datagrams are sent, which a single-threaded runtime with paused
//! time repeats as long as the test itself does: no clock but tokio's, no randomness but seeded, no iteration over a
//! `HashMap`. Run a test with several seeds, and print the seed of the run that fails.

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
