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
//! # Hard paths
//!
//! Faults of a link are part of its [`Conditions`]:
//!
//! | fault | setting |
//! | --- | --- |
//! | loss, one datagram at a time or in bursts | [`loss`](Conditions::loss), [`burst_loss`](Conditions::burst_loss) |
//! | large datagrams in fragments, or dropped | [`fragments`](Conditions::fragments), [`mtu`](Conditions::mtu) |
//! | a slow link with a queue | [`rate`](Conditions::rate) |
//! | delay that varies, datagrams that overtake each other | [`jitter`](Conditions::jitter), [`reordering`](Conditions::reordering) |
//! | routes that change | [`route_changes`](Conditions::route_changes); at a time of your choice, [`Network::set_link`] |
//! | duplicates | [`duplication`](Conditions::duplication) |
//!
//! Faults of hosts are methods of the network: [`Network::partition`], [`Network::nat`] for peers
//! whose address changes, [`Network::pause`] for peers that are suspended.
//!
//! # Virtual time
//!
//! If tokio's time is paused (its feature `test-util`), an hour of timeouts passes in a moment:
//! when all tasks are idle, the clock advances to the next timer. Times are rounded up to whole
//! milliseconds, the resolution of tokio's timers.
//!
//! # Pauses
//!
//! A process may be stopped for seconds: by a signal, by a laptop that sleeps, by a virtual machine
//! that moves. [`Network::pause`] shows that to the peers of the process. Inside the process, its
//! timers are late: when it resumes, they fire together, and the datagrams that arrived meanwhile
//! wait in the socket. [`tokio::time::advance`][advance] does that to all endpoints of a test:
//!
//! ```
//! # use rpcudp::sim::{Conditions, Network};
//! # use rpcudp::{Endpoint, rpc_service};
//! # use std::time::Duration;
//! # #[rpc_service]
//! # trait Clock {
//! #     #[rpc(at_least_once, timeout = "60s")]
//! #     fn hour(&self) -> u8;
//! # }
//! # struct Noon;
//! # impl Clock for Noon {
//! #     fn hour(&self) -> u8 {
//! #         12
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let network = Network::new(7);
//! # network.set_conditions(Conditions::default().latency(Duration::from_millis(20)));
//! # let server = Endpoint::builder().serve(ClockServer::new(Noon));
//! # let server = server.bind_transport(network.bind("10.0.0.1:7000")?)?;
//! # let endpoint = Endpoint::builder().bind_transport(network.bind("10.0.0.2:7000")?)?;
//! # let clock = ClockClient::new(&endpoint, server.local_addr());
//! let call = tokio::spawn(clock.hour());
//! // The request arrives after 20 ms, the response after 40 ms.
//! tokio::time::sleep(Duration::from_millis(30)).await;
//! // Everything stops for ten seconds. The response arrives meanwhile.
//! tokio::time::advance(Duration::from_secs(10)).await;
//! assert_eq!(call.await??, 12);
//! # Ok(())
//! # }
//! ```
//!
//! [advance]: https://docs.rs/tokio/latest/tokio/time/fn.advance.html
//!
//! # Seeds
//!
//! The same seed gives the same run: the same losses, duplicates, delays and reordering, message
//! ids and times of retransmissions. The run depends on the seed and on the order in which
//! datagrams are sent. A single-threaded runtime with paused time repeats that order if the test is
//! deterministic itself: no clock but tokio's, no randomness without a seed, no iteration over a
//! `HashMap`. Run a test with several seeds, and print the seed of a run that fails.

mod conditions;
mod link;
mod nat;
mod network;
mod node;
mod receive_queue;
mod routers;
mod stats;
mod switch;

pub use conditions::Conditions;
pub use nat::Nat;
pub use network::Network;
pub use node::Node;
pub use stats::NetworkStats;

#[cfg(test)]
mod tests;
