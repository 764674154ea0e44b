use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::detour::Detour;
use crate::group::member::Member;
use crate::links::secure_peer::SecurePeer;

/// The target of a client or a call: a peer, a peer over a link, or a group of which each call
/// picks a peer.
#[derive(Debug)]
pub(crate) enum Target {
    Peer(SocketAddr),
    Group(GroupTarget),
    Secure(Arc<SecurePeer>),
}

/// The progress of a call to the group of its client.
#[derive(Debug, Default)]
pub(crate) struct GroupTarget {
    /// The member that the call's request is in flight to, or that a call of a fan-out goes to.
    pub(crate) member: Option<Arc<Member>>,
    /// The state of a call that does not end at the first member, or has options of groups. Apart,
    /// so that other calls need no allocation.
    pub(crate) detour: Option<Box<Detour>>,
}

// A call to one peer is no larger because there are groups.
const _: () = assert!(size_of::<Target>() == size_of::<SocketAddr>());

impl Target {
    /// The address of a group of which no member is picked.
    pub(crate) const NO_PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

    /// Returns the target of a client of a group.
    pub(crate) fn group() -> Self {
        Self::Group(GroupTarget::default())
    }

    /// Returns a target for a call of the client that has this one.
    pub(crate) fn of_call(&self) -> Self {
        match self {
            Self::Peer(peer) => Self::Peer(*peer),
            Self::Group(_) => Self::group(),
            Self::Secure(peer) => Self::Secure(Arc::clone(peer)),
        }
    }
}
