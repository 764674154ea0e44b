//! A Kademlia node on [rpcudp](https://docs.rs/rpcudp), wire-compatible with the Python package
//! [`kademlia`](https://pypi.org/project/kademlia/) 2.2.3.
//!
//! - [`Node`] is the entry point for programs; the binary `kad` is its command line.
//! - [`Kademlia`] is the protocol: one trait with five methods.
//! - [`RoutingTable`], [`Lookup`] and [`RecordIndex`] are the parts that make decisions. They do no
//!   I/O and take the time as an argument.
//! - [`swarm`] runs many nodes in one process, on loopback or on a simulated network.
//!
//! ```
//! use rpcudp_kademlia::{Key, Node};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let first = Node::bind("127.0.0.1:0").await?;
//! let second = Node::bind("127.0.0.1:0").await?;
//! second.bootstrap(&[first.local_addr()]).await?;
//!
//! first.set(Key::of("colour"), "blue").await?;
//! assert_eq!(second.get(Key::of("colour")).await?, Some("blue".into()));
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod config;
mod contacts;
mod error;
mod lookup;
mod node;
mod protocol;
mod records;
mod routing;
mod stats;
mod storage;
pub mod swarm;
mod timestamp;

pub use config::Config;
pub use contacts::{
    Contact, Contacts, Distance, ID_LEN, Key, NamedContact, NodeId, ParseIdError, Subnet, is_contactable,
};
pub use error::{BootstrapError, GetError, SetError, StartError};
pub use lookup::{Lookup, LookupOptions, LookupResult, QueriedNode, QueryOutcome, Step};
pub use node::{Builder, Node, State};
pub use protocol::{FindValueResponse, Kademlia, KademliaClient, KademliaServer, ObservedAddr, Value};
pub use records::{Admission, RecordIndex, RecordMetadata};
pub use routing::{Failure, Insertion, RoutingTable};
pub use stats::Stats;
#[cfg(feature = "redb")]
pub use storage::RedbStorage;
pub use storage::{Change, MemoryStorage, Record, Storage, StorageError};
pub use timestamp::Timestamp;

/// Runs the README's example as a doctest.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
