use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcudp_transport::canonical;

use super::as_endpoint::AsEndpoint;
use super::client_endpoint::ClientEndpoint;
use super::target::Target;
use crate::endpoint::Endpoint;
use crate::group::follow::follow;
use crate::group::peers::Peers;
use crate::group::shared::{GroupShared, GroupView};
use crate::links::secure_peer::SecurePeer;

/// The fields of a generated client.
#[doc(hidden)]
#[derive(Debug)]
pub struct Stub {
    pub(crate) endpoint: Arc<ClientEndpoint>,
    pub(crate) target: Target,
    /// The timeout of calls, if the client sets one.
    pub(crate) timeout: Option<Duration>,
    /// The deadline of the request that calls are made for, if there is one.
    pub(crate) deadline: Option<Instant>,
}

impl Clone for Stub {
    fn clone(&self) -> Self {
        Self { endpoint: self.endpoint.fork(), target: self.target.of_call(), ..*self }
    }
}

impl Stub {
    pub(crate) fn new(via: &impl AsEndpoint, peer: SocketAddr) -> Self {
        let endpoint = ClientEndpoint::new(via.as_endpoint());
        Self { endpoint, target: Target::Peer(canonical(peer)), timeout: None, deadline: via.deadline() }
    }

    /// Returns the fields of a client for calls over a link.
    pub(crate) fn of_target(via: &impl AsEndpoint, target: &Arc<SecurePeer>) -> Self {
        Self { target: Target::Secure(Arc::clone(target)), ..Self::new(via, target.addr()) }
    }

    pub(crate) fn of_group(via: &impl AsEndpoint, peers: Peers) -> Self {
        let endpoint = via.as_endpoint();
        let shared = endpoint.shared();
        let group = follow(peers, shared.calls.random(), &shared.runtime, shared.links.clone());
        Self { deadline: via.deadline(), ..Self::of_shared_group(endpoint, &group) }
    }

    /// Returns the fields of a client that shares a group with others.
    pub(crate) fn of_shared_group(endpoint: Endpoint, group: &Arc<GroupShared>) -> Self {
        let endpoint = ClientEndpoint::with_view(endpoint, GroupView::new(group, None));
        Self { endpoint, target: Target::group(), timeout: None, deadline: None }
    }

    /// Formats the generated client `name` for `Debug`.
    ///
    /// # Errors
    ///
    /// If the formatter returns one.
    pub fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut client = f.debug_struct(name);
        match &self.target {
            Target::Peer(peer) => client.field("peer", peer),
            Target::Group(_) => client.field("group", self.endpoint.view().group.name()),
            Target::Secure(peer) => client.field("peer", &peer.addr()).field("link", peer),
        };
        if let Some(timeout) = &self.timeout {
            client.field("timeout", timeout);
        }
        client.finish_non_exhaustive()
    }
}
