use std::collections::HashMap;

use super::messages::MessageMemory;
use crate::peer_id::PeerId;

/// The memory for responses that wait, or that their peers have not acknowledged, on all links. A
/// peer decides when to ask for them and when to take them, so they need a bound over all links.
#[derive(Debug)]
pub(super) struct ResponseMemory {
    limit: usize,
    /// The bytes that the responses to one key may take, over all links to it.
    peer_limit: usize,
    used: usize,
    by_peer: HashMap<PeerId, usize>,
}

impl ResponseMemory {
    /// Returns the memory for responses, which has the limits of the memory for frames that arrive.
    pub(super) fn new(memory: &MessageMemory) -> Self {
        let peer_limit = memory.link_limit();
        Self { limit: memory.limit().max(peer_limit), peer_limit, used: 0, by_peer: HashMap::new() }
    }

    /// Returns whether a response of this length may wait.
    pub(super) fn has_room(&self, peer: PeerId, len: usize) -> bool {
        // Mostly little is used, and no key has to be looked for.
        self.used + len <= self.peer_limit
            || (self.used + len <= self.limit
                && self.by_peer.get(&peer).is_none_or(|used| used + len <= self.peer_limit))
    }

    pub(super) fn take(&mut self, peer: PeerId, len: usize) {
        self.used += len;
        *self.by_peer.entry(peer).or_default() += len;
    }

    pub(super) fn release(&mut self, peer: PeerId, len: usize) {
        let Some(used) = self.by_peer.get_mut(&peer) else { return };
        *used -= len;
        self.used -= len;
        if *used == 0 {
            self.by_peer.remove(&peer);
        }
    }
}
