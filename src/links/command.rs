use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rpcudp_core::MessageId;

use super::linked_peer::LinkedPeer;
use super::secure_peer::SecurePeer;

/// Work for the driver that owns the links.
#[derive(Debug)]
pub(crate) enum Command {
    /// Sends a request or a cancel frame. With the key of the call, if a response is expected.
    Call { peer: Arc<SecurePeer>, frame: Vec<u8>, call: Option<MessageId> },
    /// Sends the response of a handler.
    Respond { link: Arc<LinkedPeer>, frame: Vec<u8> },
    /// Handles a datagram that another socket of the endpoint has received.
    Receive { source: SocketAddr, local: Option<IpAddr>, datagram: Vec<u8> },
}

impl Command {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Call { frame, .. } | Self::Respond { frame, .. } => frame.len(),
            Self::Receive { datagram, .. } => datagram.len(),
        }
    }
}
