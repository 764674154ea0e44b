use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rpcudp_core::MessageId;
use rpcudp_secure::{LinkEnd, LinkStatus};
use tokio::sync::oneshot;

use super::linked_peer::LinkedPeer;
use super::secure_peer::SecurePeer;
use crate::telemetry::progress::Progress;

/// Work for the driver that owns the links.
#[derive(Debug)]
pub(crate) enum Command {
    /// Sends a request. With the key of the call, if a response is expected.
    Call { peer: Arc<SecurePeer>, frame: Vec<u8>, call: Option<MessageId> },
    /// Sends short requests to one peer, of which the frames are among the queued commands.
    Calls { peer: Arc<SecurePeer>, count: usize },
    /// Records the progress of the request with this id from now on, and of its response.
    Track { id: MessageId, progress: Progress },
    /// Drops the rest of the request with this id, and of its response. Sends the cancel frame,
    /// unless it is empty or the peer has not received the request.
    Cancel { peer: Arc<SecurePeer>, id: MessageId, frame: Vec<u8> },
    /// Opens the stream of a call, whose request is in the stream's buffer.
    Open { peer: Arc<SecurePeer>, call: MessageId },
    /// Sends the response of a handler.
    Respond { link: Arc<LinkedPeer>, frame: Vec<u8> },
    /// Handles a datagram that another socket of the endpoint has received.
    Receive { source: SocketAddr, local: Option<IpAddr>, datagram: Vec<u8> },
    /// Lists the links that are up.
    List(oneshot::Sender<Vec<LinkStatus>>),
}

impl Command {
    /// Drops the command, because no driver is left to execute it.
    pub(crate) fn end(self) {
        if let Self::Open { peer, .. } = &self
            && let Some(stream) = peer.stream()
        {
            stream.flow.end(LinkEnd::Closed);
        }
    }

    /// Returns the memory that the command takes, in bytes.
    pub(super) fn len(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Call { frame, .. } | Self::Cancel { frame, .. } | Self::Respond { frame, .. } => frame.len(),
                Self::Receive { datagram, .. } => datagram.len(),
                Self::Calls { .. } | Self::Open { .. } | Self::Track { .. } | Self::List(_) => 0,
            }
    }
}
