//! Support for the interoperability tests: the Python packages from PyPI, each in a virtual
//! environment of its own, and peers that run them.
//!
//! A test is an async function of a [`Venv`]; [`for_each_package!`] turns it into one test for each
//! package. It starts a [`Python`] peer, binds an endpoint of the same [dialect](Venv::endpoint),
//! and has the two call each other. Every wait is bounded, and a failed test prints the stderr of
//! its peer.
//!
//! ```no_run
//! use rpcudp_interop::{CallOutcome, Peer, PeerClient, PeerServer, RustPeer, Venv};
//!
//! rpcudp_interop::for_each_package!(sums_go_both_ways);
//!
//! async fn sums_go_both_ways(venv: &Venv) {
//!     let python = venv.launch().start().await;
//!     let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
//!     assert_eq!(PeerClient::new(&rust, python.addr()).add(1, 2).await.unwrap(), 3);
//!     let outcome = python.call(rust.local_addr(), "add", &["1", "2"]).await;
//!     assert_eq!(outcome, CallOutcome::Returned("int 3".into()));
//! }
//! # fn main() {}
//! ```

mod call_outcome;
mod command_line;
mod contract;
mod exchange;
mod kad;
mod kademlia_nodes;
mod kademlia_suite;
mod launch;
mod package;
mod python;
mod run;
mod stderr_file;
mod venv;
mod venv_error;

pub use call_outcome::CallOutcome;
pub use command_line::{Background, CommandLine};
pub use contract::{Peer, PeerClient, PeerServer, RustPeer, blob};
pub use exchange::Exchange;
pub use kad::Kad;
pub use kademlia_nodes::{KademliaNode, KademliaNodes};
pub use launch::Launch;
pub use package::Package;
pub use python::Python;
#[doc(hidden)]
pub use run::run;
pub use venv::Venv;
