use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use rpcudp_secure::{LinkId, PeerId};

/// The peer at the other end of a link that is up, in the context of its requests.
pub(crate) struct LinkedPeer {
    /// The link that the request came over. `None` in a context that a test has made.
    pub(crate) link: Option<LinkId>,
    pub(crate) peer_id: PeerId,
    /// The address that stands for the peer's key.
    pub(crate) source: SocketAddr,
    /// Whether the endpoint serves the peer. It may call peers that it does not serve.
    pub(crate) is_served: bool,
}

impl LinkedPeer {
    /// Returns whether both links lead to the same key.
    pub(crate) fn is_same_peer(&self, other: &Self) -> bool {
        self.peer_id == other.peer_id
    }

    /// Returns the address that stands for the key of a request's sender, or the sender's address
    /// if the request came over the plain wire.
    pub(crate) fn source_of(link: Option<&Arc<Self>>, sender: SocketAddr) -> SocketAddr {
        link.map_or(sender, |link| link.source)
    }
}

impl fmt::Debug for LinkedPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.peer_id.fmt(f)
    }
}
