use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::detour::Detour;
use crate::group::member::Member;
use crate::group::shared::GroupView;
use crate::links::secure_peer::SecurePeer;
use crate::links::source::is_link;

/// The target of a client or a call: a peer, a peer over a link, or a group of which each call
/// picks a peer.
#[derive(Debug)]
pub(crate) enum Target {
    Peer(SocketAddr),
    Group(GroupTarget),
    Secure(Arc<SecurePeer>),
}

/// A group, and the progress of a call to it.
#[derive(Debug)]
pub(crate) struct GroupTarget {
    pub(crate) view: Arc<GroupView>,
    /// The member that the call's request is in flight to, or that a call of a fan-out goes to.
    pub(crate) member: Option<Arc<Member>>,
    /// The state of a call that does not end at the first member, or has options of groups. Apart,
    /// so that other calls need no allocation.
    pub(crate) detour: Option<Box<Detour>>,
}

// A call to one peer is no larger because there are groups.
const _: () = assert!(size_of::<Target>() == size_of::<SocketAddr>());

impl GroupTarget {
    /// Returns the address of the picked member.
    #[inline]
    fn peer(&self) -> SocketAddr {
        match &self.member {
            Some(member) => member.addr(),
            None => Target::NO_PEER,
        }
    }

    /// Returns the target of requests to the picked member, if they go over a link.
    #[inline]
    pub(crate) fn link(&self) -> Option<Arc<SecurePeer>> {
        self.member.as_ref()?.link()
    }
}

impl Target {
    /// The address of a group of which no member is picked.
    pub(crate) const NO_PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

    pub(crate) fn group(view: &Arc<GroupView>) -> Self {
        Self::Group(GroupTarget { view: Arc::clone(view), member: None, detour: None })
    }

    /// Returns a target for a call of the client that has this one.
    pub(crate) fn of_call(&self) -> Self {
        match self {
            Self::Peer(peer) => Self::Peer(*peer),
            Self::Group(group) => Self::group(&group.view),
            Self::Secure(peer) => Self::Secure(Arc::clone(peer)),
        }
    }

    /// Returns the address of the peer, or of the member that is picked.
    #[inline]
    pub(crate) fn peer(&self) -> SocketAddr {
        match self {
            Self::Peer(peer) => *peer,
            Self::Group(group) => group.peer(),
            Self::Secure(peer) => peer.addr(),
        }
    }

    /// Returns the address under which the table of calls keeps the peer.
    #[inline]
    pub(crate) fn source(&self) -> SocketAddr {
        match self {
            Self::Peer(peer) => *peer,
            Self::Group(group) => group.member.as_ref().map_or(Self::NO_PEER, |member| member.source),
            Self::Secure(peer) => peer.source(),
        }
    }

    /// Returns whether calls go over a link: for a group, whether those to the picked member do.
    #[inline]
    pub(crate) fn is_over_link(&self) -> bool {
        match self {
            Self::Peer(_) => false,
            Self::Group(group) => group.member.as_ref().is_some_and(|member| is_link(member.source)),
            Self::Secure(_) => true,
        }
    }
}
