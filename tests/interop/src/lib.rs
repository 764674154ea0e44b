//! What the interoperability tests stand on: the Python packages from PyPI, each in a virtual environment of its own,
//! and peers that run them.
//!
//! A test is an async function of a [`Venv`]; [`for_each_package!`] makes one test of it for each package. It starts a
//! [`Python`] peer, binds an endpoint of the same [dialect](Venv::endpoint) and lets the two call each other. Every wait
//! is bounded, and a failed test shows what its peer wrote to stderr.
//!
//! ```no_run
//! use rpcudp_interop::{Ended, Peer, PeerClient, PeerServer, RustPeer, Venv};
//!
//! rpcudp_interop::for_each_package!(sums_go_both_ways);
//!
//! async fn sums_go_both_ways(venv: &Venv) {
//!     let python = venv.launch().start().await;
//!     let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
//!     assert_eq!(PeerClient::new(&rust, python.addr()).add(1, 2).await.unwrap(), 3);
//!     let ended = python.call(rust.local_addr(), "add", &["1", "2"]).await;
//!     assert_eq!(ended, Ended::Answered("int 3".into()));
//! }
//! # fn main() {}
//! ```

mod command_line;
mod contract;
mod ended;
mod exchange;
mod kademlia_nodes;
mod launch;
mod package;
mod python;
mod run;
mod stderr_file;
mod venv;
mod venv_error;

pub use command_line::{Background, CommandLine};
pub use contract::{Peer, PeerClient, PeerServer, RustPeer, blob};
pub use ended::Ended;
pub use exchange::Exchange;
pub use kademlia_nodes::{KademliaNode, KademliaNodes};
pub use launch::Launch;
pub use package::Package;
pub use python::Python;
#[doc(hidden)]
pub use run::run;
pub use venv::Venv;
