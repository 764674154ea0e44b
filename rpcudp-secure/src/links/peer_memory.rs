use std::collections::HashMap;

use crate::peer_id::PeerId;

/// Memory with a limit for all peers and one for each key, over all links to it.
#[derive(Debug)]
pub(super) struct PeerMemory {
    limit: usize,
    peer_limit: usize,
    used: usize,
    by_peer: HashMap<PeerId, usize>,
}

impl PeerMemory {
    pub(super) fn new(limit: usize, peer_limit: usize) -> Self {
        Self { limit, peer_limit, used: 0, by_peer: HashMap::new() }
    }

    /// Returns the bytes that all peers take.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// Returns the bytes that a key takes.
    pub(super) fn used_by(&self, peer: PeerId) -> usize {
        self.by_peer.get(&peer).copied().unwrap_or(0)
    }

    /// Returns whether all peers together may take this many bytes more.
    pub(super) fn has_room(&self, len: usize) -> bool {
        self.used + len <= self.limit
    }

    /// Returns whether a key may take this many bytes more of its share.
    pub(super) fn has_room_for(&self, peer: PeerId, len: usize) -> bool {
        // Mostly little is used, and no key has to be looked for.
        self.used + len <= self.peer_limit || self.by_peer.get(&peer).is_none_or(|used| used + len <= self.peer_limit)
    }

    pub(super) fn take(&mut self, peer: PeerId, len: usize) {
        if len > 0 {
            self.used += len;
            *self.by_peer.entry(peer).or_default() += len;
        }
    }

    pub(super) fn release(&mut self, peer: PeerId, len: usize) {
        let Some(used) = self.by_peer.get_mut(&peer) else { return };
        // Another table before a panic may have reserved the rest.
        let len = len.min(*used);
        *used -= len;
        self.used -= len;
        if *used == 0 {
            self.by_peer.remove(&peer);
        }
    }
}
