use std::net::SocketAddr;

use rpcudp_secure::{Expected, LinkId, PeerId};

use super::call_flow::CallFlow;
use super::linked_peer::LinkedPeer;
use super::source;

/// The target of a client for calls over a link.
#[derive(Debug)]
pub(crate) struct SecurePeer {
    addr: SocketAddr,
    source: SocketAddr,
    pub(crate) route: Route,
    /// The stream of a call with one. Each such call has a target of its own.
    stream: Option<CallFlow>,
}

/// The way to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// A link to the address, which is opened if there is none.
    Open(Expected),
    /// The link that the peer has opened, or another one to its key. None is opened.
    Back(Option<LinkId>, PeerId),
    /// The peer has no link, because its request came over the plain wire.
    Plain,
}

impl SecurePeer {
    pub(crate) fn new(addr: SocketAddr, source: SocketAddr, route: Route) -> Self {
        Self { addr, source, route, stream: None }
    }

    /// Returns the target of one call with a stream.
    pub(crate) fn with_stream(&self, stream: CallFlow) -> Self {
        let Self { addr, source, route, .. } = *self;
        Self { addr, source, route, stream: Some(stream) }
    }

    /// Returns the stream of the call, if it has one.
    pub(crate) fn stream(&self) -> Option<&CallFlow> {
        self.stream.as_ref()
    }

    /// Returns a target that no link leads to, because its request came over the plain wire, or
    /// because the endpoint has no identity. No datagram can be sent to its source.
    pub(crate) fn without_link(addr: SocketAddr, route: Route) -> Self {
        Self::new(addr, source::of_any_key_at(addr, 0), route)
    }

    /// Returns whether a link may lead to the peer, if the endpoint has an identity.
    pub(crate) fn may_have_link(&self) -> bool {
        self.route != Route::Plain
    }

    /// Returns whether a request over a link, from an address, comes from this peer.
    pub(crate) fn is_at(&self, link: &LinkedPeer, sender: SocketAddr) -> bool {
        self.peer_id().map_or(self.addr == sender, |key| key == link.peer_id)
    }

    /// Returns the address of the peer, for people.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the address that stands for the target in the table of calls.
    pub(crate) fn source(&self) -> SocketAddr {
        self.source
    }

    /// Returns the key that the peer must have, if that is fixed.
    pub(crate) fn peer_id(&self) -> Option<PeerId> {
        match self.route {
            Route::Open(Expected::Key(key)) | Route::Back(_, key) => Some(key),
            Route::Open(Expected::Any) | Route::Plain => None,
        }
    }
}
