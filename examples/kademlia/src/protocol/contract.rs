//! The whole protocol between nodes, as in the Python package `kademlia` 2.2.3.

use std::net::SocketAddr;

use rpcudp::{Context, rpc_service};
use serde::{Serialize, Serializer};

use crate::{Contacts, Key, NodeId, Value};

/// The requests that a Kademlia node serves.
///
/// `id` is always the caller's node id, so that each request also introduces its sender. Every
/// method is idempotent, so clients retransmit a request until its response arrives.
#[rpc_service]
pub trait Kademlia {
    /// Returns the caller's address, as this node sees it.
    #[rpc(at_least_once, timeout = "2s")]
    fn stun(&self, cx: &Context) -> ObservedAddr;

    /// Returns this node's id.
    #[rpc(at_least_once, timeout = "2s")]
    fn ping(&self, cx: &Context, id: NodeId) -> NodeId;

    /// Stores a value under a key. Returns whether the value was stored.
    #[rpc(at_least_once, timeout = "2s")]
    async fn store(&self, cx: &Context, id: NodeId, key: Key, value: Value) -> bool;

    /// Returns the contacts in this node's routing table that are closest to a key, at most k = 20.
    #[rpc(at_least_once, timeout = "2s")]
    fn find_node(&self, cx: &Context, id: NodeId, key: Key) -> Contacts;

    /// Returns the value under a key, or the response of [`find_node`](Self::find_node) if this
    /// node does not store one.
    #[rpc(at_least_once, timeout = "2s")]
    fn find_value(&self, cx: &Context, id: NodeId, key: Key) -> FindValueResponse;
}

/// The response to [`find_value`](Kademlia::find_value): `{"value": v}`, or a list of contacts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum FindValueResponse {
    /// The node stores the value.
    Value {
        /// The value.
        value: Value,
    },
    /// The node does not store the value; these are the closest contacts that it knows.
    Contacts(Contacts),
}

impl From<Contacts> for FindValueResponse {
    fn from(contacts: Contacts) -> Self {
        Self::Contacts(contacts)
    }
}

/// The response to [`stun`](Kademlia::stun): IP address as text, and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservedAddr(pub SocketAddr);

impl Serialize for ObservedAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0.ip().to_string(), self.0.port()).serialize(serializer)
    }
}
