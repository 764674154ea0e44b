//! Datagrams in and out, for [rpcudp](https://docs.rs/rpcudp). Knows nothing of RPC.
//!
//! [`Transport`] is what an endpoint needs of a network, and small enough to implement in a page. [`Udp`] is the real
//! one: a UDP socket on tokio that receives in batches. [`sim`] is one in memory and in virtual time, with loss,
//! latency, duplicates, reordering, partitions and an MTU, that does the same again when it is given the same seed.
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
//! let received = batch.iter().next().expect("one datagram");
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
