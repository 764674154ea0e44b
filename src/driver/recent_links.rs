use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use rpcudp_secure::LinkId;

use super::known_link::KnownLink;
use crate::links::linked_peer::LinkedPeer;
use crate::links::secure_peer::SecurePeer;

/// The links that the last call and the last frame used, until a link comes up or ends. Most follow
/// others of the same peer, and need no search.
#[derive(Default)]
pub(super) struct RecentLinks {
    /// With whether the link is up.
    pub(super) call: Option<(Arc<SecurePeer>, LinkId, bool)>,
    frame: Option<(LinkId, Arc<LinkedPeer>, Option<SocketAddr>)>,
}

impl RecentLinks {
    /// Returns the peer of a link that is up, and the address that stands for the target that the
    /// link was opened for.
    pub(super) fn peer_of(
        &mut self,
        link: LinkId,
        known: &HashMap<LinkId, KnownLink>,
    ) -> Option<(&Arc<LinkedPeer>, Option<SocketAddr>)> {
        if self.frame.as_ref().is_none_or(|(of, ..)| *of != link) {
            let KnownLink { peer: Some(peer), target, .. } = known.get(&link)? else { return None };
            // The key itself stands for most targets.
            self.frame = Some((link, Arc::clone(peer), target.filter(|target| *target != peer.source)));
        }
        self.frame.as_ref().map(|(_, peer, target)| (peer, *target))
    }
}
