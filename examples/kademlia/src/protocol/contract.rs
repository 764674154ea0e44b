//! What nodes say to each other: the whole protocol, as the Python package `kademlia` 2.2.3 speaks it.

use std::net::SocketAddr;

use rpcudp::{Context, rpc_service};
use serde::{Serialize, Serializer};

use crate::{Contacts, Key, NodeId, Value};

/// A Kademlia node, as others see it.
///
/// `id` is always that of the caller: a request introduces who makes it. Every method may run twice and does no harm
/// then, so that requests are sent again until they are answered.
#[rpc_service]
pub trait Kademlia {
    /// The address that the caller is seen at.
    #[rpc(at_least_once, timeout = "2s")]
    fn stun(&self, cx: &Context) -> ObservedAddr;

    /// The id of the node that is called.
    #[rpc(at_least_once, timeout = "2s")]
    fn ping(&self, cx: &Context, id: NodeId) -> NodeId;

    /// Keeps a value under a key, and says whether it does.
    #[rpc(at_least_once, timeout = "2s")]
    async fn store(&self, cx: &Context, id: NodeId, key: Key, value: Value) -> bool;

    /// The nodes nearest to a key, of those that the called one knows: at most k = 20.
    #[rpc(at_least_once, timeout = "2s")]
    fn find_node(&self, cx: &Context, id: NodeId, key: Key) -> Contacts;

    /// The value under a key, or what [`find_node`](Self::find_node) answers.
    #[rpc(at_least_once, timeout = "2s")]
    fn find_value(&self, cx: &Context, id: NodeId, key: Key) -> FindValueResponse;
}

/// How a node asks a stranger who it is that has called it.
///
/// Once: whose address it is, is what is to be found out, and nobody is to get more from us than somebody else has sent
/// in his name.
#[rpc_service]
pub(crate) trait SinglePing {
    /// [`Kademlia::ping`].
    #[rpc(timeout = "2s")]
    fn ping(&self, id: NodeId) -> NodeId;
}

/// What [`find_value`](Kademlia::find_value) answers: `{"value": v}`, or contacts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum FindValueResponse {
    /// The node has the value.
    Value {
        /// The value.
        value: Value,
    },
    /// It has not, and knows who is nearer.
    Contacts(Contacts),
}

/// An address as [`stun`](Kademlia::stun) tells it: IP as text, and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservedAddr(pub SocketAddr);

impl Serialize for ObservedAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0.ip().to_string(), self.0.port()).serialize(serializer)
    }
}
