use std::net::SocketAddr;
use std::sync::Arc;

use rpcudp::{Context, rpc_service};
use tokio::sync::mpsc::Sender;

use super::local_node::LocalNode;

/// The contract by which members talk to each other, through the socket of the endpoint.
#[rpc_service(namespace = "swim.")]
pub(crate) trait Membership {
    /// Carries a packet of the membership protocol. The cluster keeps two of them apart.
    #[rpc(oneway)]
    fn packet(&self, cx: &Context, cluster: &str, packet: &[u8]);
    /// Returns the address and run of this member, or `None` if it is in another cluster. A
    /// node becomes a member only after it has responded, from the address that packets name.
    #[rpc(at_least_once, timeout = "2s")]
    fn identity(&self, cluster: &str) -> Option<(SocketAddr, u64)>;
}

/// A packet that arrived, and its source.
pub(crate) type Received = (SocketAddr, Vec<u8>);

/// The service of a node.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) cluster: Arc<str>,
    pub(crate) node: Arc<LocalNode>,
    /// Bounded: packets that the protocol's task has no time for are dropped.
    pub(crate) packets: Sender<Received>,
}

impl Membership for Inbox {
    fn packet(&self, cx: &Context, cluster: &str, packet: &[u8]) {
        if *cluster == *self.cluster {
            // The protocol tolerates loss, and a full queue is one.
            let _ = self.packets.try_send((cx.sender(), packet.into()));
        }
    }

    fn identity(&self, cluster: &str) -> Option<(SocketAddr, u64)> {
        let node = self.node.get().filter(|_| *cluster == *self.cluster)?;
        Some((node.addr, node.run))
    }
}
