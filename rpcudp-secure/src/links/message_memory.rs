use std::mem;

use super::peer_memory::PeerMemory;
use crate::peer_id::PeerId;

/// The memory for the large frames that arrive on all links, and for those that their owner holds.
///
/// Requests leave room for the longest frame that is none, in all and for each key: a handler that
/// holds a request may wait for the response to a call of its own.
#[derive(Debug)]
pub(super) struct MessageMemory {
    max_message_len: usize,
    peers: PeerMemory,
    /// Whether memory was released, so that frames that wait for it can be read.
    has_freed: bool,
    /// Whether a frame waits for memory that other keys have. New frames queue up behind it.
    is_contended: bool,
    /// Whether the frames that wait are served.
    is_feeding: bool,
}

impl MessageMemory {
    /// The part of the memory that one key may take.
    const PEER_SHARE: usize = 4;

    pub(super) fn new(max_message_len: usize, limit: usize) -> Self {
        // A request and a response of the largest length are possible with any limit.
        let min_limit = 2 * max_message_len;
        let peers = PeerMemory::new(limit.max(min_limit), (limit / Self::PEER_SHARE).max(min_limit));
        Self { max_message_len, peers, has_freed: false, is_contended: false, is_feeding: false }
    }

    pub(super) fn max_message_len(&self) -> usize {
        self.max_message_len
    }

    /// Returns the bytes that are reserved.
    pub(super) fn used(&self) -> usize {
        self.peers.used()
    }

    /// Reserves memory for a frame. Returns `false` if there is none.
    pub(super) fn try_reserve(&mut self, peer: PeerId, is_request: bool, len: usize) -> bool {
        let needed = len + if is_request { self.max_message_len } else { 0 };
        if !self.peers.has_room_for(peer, needed) || (self.is_contended && !self.is_feeding) {
            return false;
        }
        if !self.peers.has_room(needed) {
            self.is_contended = true;
            return false;
        }
        self.peers.take(peer, len);
        true
    }

    pub(super) fn release(&mut self, peer: PeerId, len: usize) {
        self.peers.release(peer, len);
        self.has_freed |= len > 0;
    }

    /// Returns whether memory was released since frames that wait were last served.
    pub(super) fn has_freed(&self) -> bool {
        self.has_freed
    }

    /// Returns whether frames that wait can be served, because memory was released since the last
    /// call. They are served until [`is_contended`](Self::is_contended) or
    /// [`end_feeding`](Self::end_feeding).
    pub(super) fn begin_feeding(&mut self) -> bool {
        self.is_feeding = mem::take(&mut self.has_freed);
        self.is_contended &= !self.is_feeding;
        self.is_feeding
    }

    /// Returns whether a frame waits for memory that other keys have.
    pub(super) fn is_contended(&self) -> bool {
        self.is_contended
    }

    pub(super) fn end_feeding(&mut self) {
        self.is_feeding = false;
    }
}
