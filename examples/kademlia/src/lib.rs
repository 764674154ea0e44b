//! A Kademlia node on [rpcudp](https://docs.rs/rpcudp): wire-compatible with the Python package
//! [`kademlia`](https://pypi.org/project/kademlia/) 2.2.3, whose nodes it joins and who join it.
//!
//! [`Node`] is what programs use; the binary `kad` is the same for shells. [`Kademlia`] is the whole protocol on a page.
//! What decides, and is worth knowing by itself, neither sends nor looks at a clock: the [`RoutingTable`], the
//! [`Lookup`], and the [`Records`] of what is kept for whom.
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

mod address;
mod answer;
mod builder;
mod config;
mod contact;
mod contract;
mod error;
mod housekeeping;
mod id;
mod introductions;
mod local;
mod lookup;
mod node;
mod peers;
mod records;
mod search;
mod service;
mod shelf;
mod state;
mod stats;
mod storage;
pub mod swarm;
mod table;
mod timestamp;
mod value;

pub use address::{Neighbourhood, is_worth_a_datagram};
pub use builder::Builder;
pub use config::Config;
pub use contact::{Contact, Contacts};
pub use contract::{Found, Kademlia, KademliaClient, KademliaServer, Seen};
pub use error::{BootstrapError, GetError, SetError, StartError};
pub use id::{Distance, ID_LEN, Key, NodeId, ParseIdError};
pub use lookup::{Lookup, LookupOptions, Step};
pub use node::Node;
pub use records::{Admission, Records, Terms};
pub use search::{Outcome, Search, Visit};
pub use state::State;
pub use stats::Stats;
#[cfg(feature = "redb")]
pub use storage::RedbStorage;
pub use storage::{Change, MemoryStorage, Record, Storage, StorageError};
pub use table::{Insertion, RoutingTable, Silence};
pub use timestamp::Timestamp;
pub use value::Value;

/// The README's example runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
