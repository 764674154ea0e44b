use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use quinn_proto::ConnectionId;

use super::event::{Expected, LinkId};
use crate::peer_id::PeerId;

/// The links by peer and by target, and the ids of those whose handshakes are under way.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The links to each key that are up, the newest last.
    by_peer: HashMap<PeerId, Vec<LinkId>>,
    /// The links that this endpoint has opened.
    by_target: HashMap<(SocketAddr, Expected), LinkId>,
    /// The ids to which peers address the packets of handshakes under way.
    handshakes: HashSet<ConnectionId>,
}

impl Index {
    pub(super) fn newest_to(&self, peer: PeerId) -> Option<LinkId> {
        self.by_peer.get(&peer)?.last().copied()
    }

    /// Returns the links to a key that are up.
    pub(super) fn links_to(&self, peer: PeerId) -> &[LinkId] {
        self.by_peer.get(&peer).map_or(&[], Vec::as_slice)
    }

    pub(super) fn opened_to(&self, addr: SocketAddr, expected: Expected) -> Option<LinkId> {
        self.by_target.get(&(addr, expected)).copied()
    }

    pub(super) fn add_peer(&mut self, peer: PeerId, link: LinkId) {
        self.by_peer.entry(peer).or_default().push(link);
    }

    pub(super) fn add_target(&mut self, addr: SocketAddr, expected: Expected, link: LinkId) {
        self.by_target.insert((addr, expected), link);
    }

    pub(super) fn is_handshaking(&self, id: &ConnectionId) -> bool {
        self.handshakes.contains(id)
    }

    pub(super) fn add_handshake(&mut self, id: ConnectionId) {
        self.handshakes.insert(id);
    }

    pub(super) fn remove_handshake(&mut self, id: &ConnectionId) {
        self.handshakes.remove(id);
    }

    pub(super) fn remove_peer(&mut self, peer: PeerId, link: LinkId) {
        let Some(links) = self.by_peer.get_mut(&peer) else { return };
        links.retain(|other| *other != link);
        if links.is_empty() {
            self.by_peer.remove(&peer);
        }
    }

    pub(super) fn remove_target(&mut self, addr: SocketAddr, expected: Expected, link: LinkId) {
        if self.opened_to(addr, expected) == Some(link) {
            self.by_target.remove(&(addr, expected));
        }
    }
}
