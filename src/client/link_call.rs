//! Calls over links.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rpcudp_core::MessageId;
use rpcudp_transport::canonical;

use super::call_end::CallEnd;
use super::pending::PendingCall;
use super::stub::Stub;
use super::target::Target;
use crate::links::endpoint_links::QueueFull;
#[cfg(feature = "secure")]
use crate::links::flow::Flow;
use crate::links::secure_peer::SecurePeer;

impl PendingCall {
    /// Checks that the call may travel over the wire of its target, and is not too long for it.
    pub(super) fn check_wire(&self) -> Result<(), CallEnd> {
        let shared = self.endpoint.shared();
        let is_plain = !self.is_over_link();
        if is_plain && (self.spec.is_secure || shared.config.links.refuses_plain_calls()) {
            return Err(CallEnd::Insecure);
        }
        let limit = match &shared.links {
            #[cfg(feature = "secure")]
            Some(_) if self.has_stream() => Flow::MAX_REQUEST_BODY_LEN,
            Some(links) if !is_plain => links.max_body_len(),
            _ => shared.config.max_request_len,
        };
        let size = self.body_len();
        if size > limit { Err(CallEnd::TooLarge { size, limit }) } else { Ok(()) }
    }

    /// Returns whether the call has a stream.
    #[cfg(feature = "secure")]
    pub(super) fn has_stream(&self) -> bool {
        matches!(&self.target, Target::Secure(peer) if peer.stream().is_some())
    }

    #[cfg(not(feature = "secure"))]
    pub(super) fn has_stream(&self) -> bool {
        false
    }

    /// Queues a request for the driver of the links.
    pub(super) fn send_over_link(
        &self,
        peer: &Arc<SecurePeer>,
        datagram: &[u8],
        call: Option<MessageId>,
    ) -> Result<(), CallEnd> {
        let links = self.endpoint.shared().links.as_ref().filter(|_| peer.may_have_link());
        let Some(links) = links else { return Err(no_link(peer)) };
        #[cfg(feature = "secure")]
        if let (Some(stream), Some(call)) = (peer.stream(), call) {
            if let Some(items) = stream.begin(datagram) {
                self.endpoint.shared().send_items(items, &stream.flow);
            }
            return links.open_stream(peer, call).map_err(|QueueFull| queue_full());
        }
        links.send_call(peer, datagram, call).map_err(|QueueFull| queue_full())
    }
}

/// Returns the target of a client that leaves a group with links for an address without a key:
/// its calls end with an error, instead of going over the plain wire.
fn no_member(peer: SocketAddr) -> Target {
    #[cfg(feature = "secure")]
    return Target::Secure(Arc::new(SecurePeer::without_link(peer, crate::links::secure_peer::Route::Plain)));
    #[cfg(not(feature = "secure"))]
    Target::Peer(peer)
}

fn queue_full() -> CallEnd {
    CallEnd::unsendable(io::Error::new(io::ErrorKind::WouldBlock, "the queue to the links is full"))
}

/// Returns the end of a call to a peer that no link leads to.
#[cfg(feature = "secure")]
fn no_link(_: &SecurePeer) -> CallEnd {
    use crate::calls::completion::Completion;

    CallEnd::Completed(Completion::link_ended(rpcudp_secure::LinkEnd::NotSecure, false), 0)
}

#[cfg(not(feature = "secure"))]
fn no_link(peer: &SecurePeer) -> CallEnd {
    match *peer {}
}

impl Stub {
    /// Returns the fields of a client that calls another peer.
    pub(super) fn with_peer(&self, peer: SocketAddr) -> Self {
        let peer = canonical(peer);
        let target = match &self.target {
            Target::Secure(former) => Target::Secure(self.with_other_addr(former, peer)),
            Target::Group(_) if self.endpoint.view().group.has_links() => {
                match self.endpoint.view().group.member_at(peer) {
                    Some(member) => member.link().map_or(Target::Peer(peer), Target::Secure),
                    None => no_member(peer),
                }
            }
            _ => Target::Peer(peer),
        };
        Self { target, ..self.clone() }
    }

    #[cfg(not(feature = "secure"))]
    fn with_other_addr(&self, former: &SecurePeer, _: SocketAddr) -> Arc<SecurePeer> {
        match *former {}
    }
}

#[cfg(feature = "secure")]
pub(crate) use self::secure::target_of;
#[cfg(feature = "secure")]
pub(super) use self::secure::{did_run_before, link_error};

#[cfg(feature = "secure")]
mod secure {
    use super::*;
    use crate::calls::completion::EndedLink;
    use crate::client::as_endpoint::AsEndpoint;
    use crate::client::did_run::DidRun;
    use crate::client::error::CallError;
    use crate::endpoint::shared::Shared;
    use crate::links::linked_peer::LinkedPeer;
    use crate::links::secure_peer::Route;
    use rpcudp_secure::{Expected, LinkEnd, PeerId};

    /// Returns whether a method ran whose request was sent this number of times before its link
    /// ended.
    pub(in crate::client) fn did_run_before(ended: &EndedLink, transmission_count: u32) -> DidRun {
        match ended.reason {
            LinkEnd::ResponseTooLarge { .. } => DidRun::Yes,
            _ if ended.may_have_run || transmission_count > 1 => DidRun::Maybe,
            _ => DidRun::No,
        }
    }

    /// Returns the error of a call whose link has ended, or could not be opened.
    pub(in crate::client) fn link_error<E>(
        (method, peer): (&'static str, SocketAddr),
        end: LinkEnd,
        did_run: DidRun,
    ) -> CallError<E> {
        match end {
            LinkEnd::WrongPeer { expected, found } => CallError::WrongPeer { method, peer, expected, found, did_run },
            reason => CallError::Link { method, peer, reason, did_run },
        }
    }

    /// Returns the target of calls to the peer with the expected key at an address.
    pub(crate) fn target_of(shared: &Shared, addr: SocketAddr, expected: Expected) -> Arc<SecurePeer> {
        match &shared.links {
            Some(links) => links.target(addr, expected),
            None => Arc::new(SecurePeer::without_link(addr, Route::Open(expected))),
        }
    }

    impl PendingCall {
        /// Returns whether a link to the call's target is up, if the target needs one.
        pub(in crate::client) fn has_link(&self) -> bool {
            if !self.is_over_link() {
                return true;
            }
            let links = &self.endpoint.shared().links;
            links.as_ref().is_some_and(|links| links.proven(self.source()).is_some())
        }
    }

    impl Stub {
        /// Returns the fields of a client for calls over a link.
        pub(in crate::client) fn of_link(via: &impl AsEndpoint, peer: SocketAddr, expected: Expected) -> Self {
            let stub = Self::new(via, peer);
            let target = target_of(stub.endpoint.shared(), canonical(peer), expected);
            Self { target: Target::Secure(target), ..stub }
        }

        /// Returns the fields of a client that calls the sender of a request over its link.
        pub(in crate::client) fn of_sender(
            via: &impl AsEndpoint,
            sender: SocketAddr,
            link: Option<&LinkedPeer>,
        ) -> Self {
            let stub = Self::new(via, sender);
            let target = match (link, &stub.endpoint.shared().links) {
                (Some(link), Some(links)) => links.target_back(sender, link),
                _ => Arc::new(SecurePeer::without_link(sender, Route::Plain)),
            };
            Self { target: Target::Secure(target), ..stub }
        }

        /// Returns the key that the peer must have, or has proven.
        pub(in crate::client) fn peer_id(&self) -> Option<PeerId> {
            let Target::Secure(peer) = &self.target else { return None };
            let proven = || self.endpoint.shared().links.as_ref()?.proven(peer.source());
            peer.peer_id().or_else(proven)
        }

        pub(super) fn with_other_addr(&self, former: &SecurePeer, addr: SocketAddr) -> Arc<SecurePeer> {
            let expected = former.peer_id().map_or(Expected::Any, Expected::Key);
            target_of(self.endpoint.shared(), addr, expected)
        }
    }
}
