//! A Kademlia node on [rpcudp](https://docs.rs/rpcudp): wire-compatible with the Python package
//! [`kademlia`](https://pypi.org/project/kademlia/) 2.2.3, whose nodes it joins and who join it.
//!
//! [`Node`] is what programs use; the binary `kad` is the same for shells. [`Kademlia`] is the whole protocol on a page.
//! What decides, and is worth knowing by itself, neither sends nor looks at a clock: the [`RoutingTable`], the
//! [`Lookup`], and the [`RecordIndex`] of what is kept for whom.
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
pub use contacts::{Contact, Contacts, Distance, ID_LEN, Key, NodeId, ParseIdError, Subnet, is_contactable};
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

/// The README's example runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
