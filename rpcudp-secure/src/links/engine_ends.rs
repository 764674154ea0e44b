use std::time::Instant;

use bytes::Bytes;
use quinn_proto::{ConnectionHandle, VarInt};

use super::engine::Engine;
use super::event::{LinkEnd, LinkEvent, LinkId};
use super::link::{Link, Stage, Target};

/// The ends of links.
impl Engine {
    /// The codes of QUIC with which a link is closed.
    const CLOSED: VarInt = VarInt::from_u32(0);

    /// Closes a link. The peer is told.
    pub(super) fn close(&mut self, now: Instant, id: LinkId) {
        if self.link(id).is_some()
            && let Some(mut link) = self.take(ConnectionHandle(id.slot as usize))
        {
            self.close_link(&mut link, LinkEnd::Closed, now);
            self.work(link, now);
        }
    }

    /// Closes all links.
    pub(super) fn close_all(&mut self, now: Instant) {
        for slot in 0..self.links.len() {
            if let Some(id) = self.links[slot].as_ref().map(|link| link.id) {
                self.close(now, id);
            }
        }
    }

    /// Closes the link that has been idle for the longest time.
    pub(super) fn evict(&mut self, now: Instant) {
        let up = self.links.iter().flatten().filter(|link| matches!(link.stage, Stage::Up(_)));
        let Some(id) = up.min_by_key(|link| (link.last_used, link.id.generation)).map(|link| link.id) else { return };
        self.stats.evicted += 1;
        self.close(now, id);
    }

    pub(super) fn close_link(&mut self, link: &mut Link, reason: LinkEnd, now: Instant) {
        link.connection.close(now, Self::CLOSED, Bytes::new());
        self.end(link, (reason, false));
    }

    /// Records the end of a link, and whether the reason is that the peer's key is not allowed. Its
    /// connection stays in the table until it has drained.
    pub(super) fn end(&mut self, link: &mut Link, (reason, is_denied): (LinkEnd, bool)) {
        match std::mem::replace(&mut link.stage, Stage::Ended) {
            Stage::Ended => return,
            Stage::Handshaking { is_validated } => {
                self.stats.failed += 1;
                if link.target.is_none() {
                    self.admission.end(is_validated);
                }
            }
            Stage::Up(peer) => {
                self.stats.up -= 1;
                self.index.remove_peer(peer, link.id);
                self.response_memory.release(peer, std::mem::take(&mut link.responses_len));
                link.messages.arrivals.clear(&mut self.memory, peer);
            }
        }
        self.stats.ends.count(reason, is_denied);
        if let Some(Target { addr, expected, .. }) = link.target {
            self.index.remove_target(addr, expected, link.id);
        }
        self.spare_windows += link.streams.window_count();
        link.clear();
        link.count_unsent(&mut self.stats.unsent_bytes);
        // A handshake that a peer began and did not end was no link.
        self.events.push_back(LinkEvent::Down { link: link.id, reason });
    }
}
