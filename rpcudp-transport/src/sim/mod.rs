//! A network in memory and in virtual time, that misbehaves as it is told to.
//!
//! [`Network`] is the network, [`Conditions`] is how badly it behaves, and a [`Node`] is a place on it: a
//! [`Transport`](crate::Transport), which an endpoint takes instead of a socket. Addresses are made up and cost
//! nothing. With tokio's time paused (`#[tokio::test(start_paused = true)]`, tokio's feature `test-util`) an hour of
//! timeouts passes in a moment.
//!
//! The same seed gives the same run: what is lost, doubled, delayed and overtaken follows from the seed and from the
//! order in which datagrams are sent, which a single-threaded runtime with paused time repeats. Print the seed of a
//! test that fails.
//!
//! Times are rounded up to whole milliseconds, which is how finely tokio's timers work.
//!
//! ```
//! use rpcudp_transport::sim::{Conditions, Network};
//! use rpcudp_transport::{Datagram, ReceiveBatch, Transport};
//! use std::{future::poll_fn, time::Duration};
//! use tokio::time::Instant;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> std::io::Result<()> {
//! let network = Network::new(7);
//! network.set_conditions(Conditions::default().latency(Duration::from_millis(20)));
//! let (a, b) = (network.bind("10.0.0.1:7000")?, network.bind("10.0.0.2:7000")?);
//!
//! let start = Instant::now();
//! a.try_send(Datagram { destination: b.local_addr(), source: None, contents: b"hello" })?;
//! let mut batch = ReceiveBatch::new();
//! poll_fn(|cx| b.poll_receive(cx, &mut batch)).await?;
//! assert_eq!(start.elapsed(), Duration::from_millis(20));
//! # Ok(())
//! # }
//! ```

mod conditions;
mod inbox;
mod network;
mod node;

pub use conditions::Conditions;
pub use network::{Network, NetworkStats};
pub use node::Node;

#[cfg(test)]
mod tests;
