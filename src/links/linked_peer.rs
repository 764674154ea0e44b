use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use rpcudp_secure::{LinkId, PeerId};

use super::request_flow::RequestFlow;
use super::request_memory::RequestMemory;
use crate::lock::Lock;

/// The peer at the other end of a link that is up, in the context of its requests.
pub(crate) struct LinkedPeer {
    /// The link that the request came over. `None` in a context that a test has made.
    pub(crate) link: Option<LinkId>,
    pub(crate) peer_id: PeerId,
    /// The address that stands for the peer's key.
    pub(crate) source: SocketAddr,
    /// Whether the endpoint serves the peer. It may call peers that it does not serve.
    pub(crate) is_served: bool,
    /// The stream that the request came over, if it came over one that also takes the response.
    pub(crate) stream: Option<RequestFlow>,
    /// The request that came over a stream of its own, in the context of such a request.
    pub(crate) large: Option<LargeRequest>,
}

/// A request that came over a stream of a link. Its response takes a stream too, because the
/// request is not retransmitted.
pub(crate) struct LargeRequest {
    /// The memory of the request, until a handler takes it or has ended.
    pub(crate) memory: Lock<Option<RequestMemory>>,
}

impl LinkedPeer {
    pub(crate) fn new(link: Option<LinkId>, peer_id: PeerId, source: SocketAddr, is_served: bool) -> Self {
        Self { link, peer_id, source, is_served, stream: None, large: None }
    }

    /// Returns the same peer for a request over a stream.
    pub(crate) fn with_stream(&self, stream: RequestFlow) -> Self {
        let Self { link, peer_id, source, is_served, .. } = *self;
        Self { link, peer_id, source, is_served, stream: Some(stream), large: None }
    }

    /// Returns the same peer for a request that came over a stream of its own.
    pub(crate) fn with_large(&self, memory: RequestMemory) -> Self {
        let Self { link, peer_id, source, is_served, .. } = *self;
        let large = LargeRequest { memory: Lock::new(Some(memory)) };
        Self { link, peer_id, source, is_served, stream: None, large: Some(large) }
    }

    /// Takes the memory of a request that came over a stream, for its handler.
    pub(crate) fn take_memory(&self) -> Option<RequestMemory> {
        self.large.as_ref()?.memory.lock().take()
    }

    /// Returns whether the request came over a stream that takes the response.
    pub(crate) fn has_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// Sends the response of a request that came over a stream. Returns `false` for another.
    pub(crate) fn respond(&self, response: &[u8]) -> bool {
        self.stream.as_ref().inspect(|stream| stream.respond(response)).is_some()
    }

    /// Gives up the stream of a request, because the endpoint closes.
    pub(crate) fn abort(&self) {
        if let Some(stream) = &self.stream {
            stream.abort();
        }
    }

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
