//! The transport layer of [rpcudp](https://docs.rs/rpcudp): sends and receives datagrams, and knows
//! nothing of RPC.
//!
//! [`Transport`] is the trait that an endpoint sends and receives through. It is small enough to
//! implement in a page. [`Udp`] implements it for UDP on tokio, in batches. [`sim`] is a simulated
//! network in memory and in virtual time, with loss, latency, duplicates, reordering, fragments,
//! bandwidth, route changes, NAT, partitions and pauses; the same seed gives the same run.
//!
//! ```
//! use rpcudp::transport::{Datagram, ReceiveBatch, Transport, Udp, UdpOptions};
//! use std::future::poll_fn;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let bind = || Udp::bind("127.0.0.1:0".parse().unwrap(), &UdpOptions::default());
//! let (a, b) = (bind()?, bind()?);
//! let datagram = Datagram { destination: b.local_addr(), source: None, contents: b"hello" };
//! while let Err(error) = a.try_send(datagram) {
//!     if error.kind() != std::io::ErrorKind::WouldBlock {
//!         return Err(error);
//!     }
//!     poll_fn(|cx| a.poll_writable(cx)).await?;
//! }
//!
//! let mut batch = ReceiveBatch::new();
//! poll_fn(|cx| b.poll_receive(cx, &mut batch)).await?;
//! let received = batch.iter().next().expect("one datagram was sent");
//! assert_eq!((received.source, received.contents), (a.local_addr(), &b"hello"[..]));
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod address;
mod datagram;
mod receive_batch;
mod send_batch;
pub mod sim;
mod transport;
mod udp;

pub use address::canonical;
pub use datagram::Datagram;
pub use receive_batch::{ReceiveBatch, Received, Unreachable};
pub use send_batch::SendBatch;
pub use transport::Transport;
pub use udp::{Udp, UdpOptions};
