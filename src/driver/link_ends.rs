//! The beginnings and the ends of links, and of calls over them.

use std::collections::BTreeSet;
use std::sync::Arc;

use rpcudp_core::MessageId;
use rpcudp_secure::{FrameId, LinkEnd, LinkEvent, LinkId, Links};

use super::known_link::KnownLink;
use super::link_cancel::is_response;
use super::link_driver::LinkDriver;
use crate::clock::now;
use crate::links::linked_peer::LinkedPeer;

impl LinkDriver {
    pub(super) fn handle_event(&mut self, links: &Links, event: LinkEvent) {
        match event {
            LinkEvent::Up { link, peer, addr } => {
                let shared = Self::endpoint_links(&self.shared);
                let source = shared.source_of(peer);
                let known = self.known.entry(link).or_default();
                let is_served = links.is_allowed(link);
                known.peer = Some(Arc::new(LinkedPeer::new(Some(link), peer, source, is_served)));
                self.shared.calls.depart(&known.waiting);
                if known.waiting.len() > KnownLink::MAX_KEPT {
                    known.waiting = BTreeSet::new();
                }
                [Some(source), known.target].into_iter().flatten().for_each(|up| shared.set_up(up, Some(peer)));
                self.keep_alive_at.get_or_insert_with(|| now() + links.keep_alive_interval());
                tracing::debug!(target: "rpcudp", peer_id = %peer, %addr, "link is up");
            }
            LinkEvent::Down { link, reason } => {
                self.end_link(links, link, reason);
                self.end_streams(link, reason);
            }
            _ => {}
        }
    }

    /// Ends the calls whose requests were sent over a link that has ended. Calls that are
    /// retransmitted open a new link with their next transmission, unless the peer is not the right
    /// one.
    fn end_link(&mut self, links: &Links, link: LinkId, reason: LinkEnd) {
        let Some(known) = self.known.remove(&link) else { return };
        known.resume(reason, &self.shared);
        let KnownLink { peer, target, key, waiting, .. } = known;
        let is_target = |other: &KnownLink| target.is_some() && other.target == target;
        if peer.is_none()
            && (key.is_some_and(|key| links.newest_to(key).is_some()) || self.known.values().any(is_target))
        {
            // The other calls to the target use another link.
            tracing::debug!(target: "rpcudp", %reason, "link has ended beside another to the same target");
            return self.shared.calls.end_undelivered(&waiting, false, reason);
        }
        let (shared, was_up) = (Self::endpoint_links(&self.shared), peer.is_some());
        let peer_source = peer.as_ref().filter(|peer| links.newest_to(peer.peer_id).is_none()).map(|peer| peer.source);
        let is_final = matches!(reason, LinkEnd::WrongPeer { .. } | LinkEnd::Refused | LinkEnd::Incompatible);
        let target = target.filter(|target| Some(*target) != peer.as_ref().map(|peer| peer.source));
        tracing::debug!(target: "rpcudp", peer_id = peer.map(|peer| tracing::field::display(peer.peer_id)), %reason, "link has ended");
        if !was_up || reason == LinkEnd::Refused {
            self.shared.calls.end_undelivered(&waiting, is_final, reason);
        }
        for source in [peer_source, target].into_iter().flatten() {
            shared.set_up(source, None);
            self.shared.calls.end_link(source, is_final, reason);
        }
    }

    /// Ends the call whose large request the peer has stopped, or whose large response does not
    /// arrive. A call that is retransmitted goes on, unless its frame is too large.
    pub(super) fn end_dropped(&self, (link, kind, id): (LinkId, u8, FrameId), reason: LinkEnd) {
        let id = MessageId::from_bytes(id);
        if is_response(kind, id, self.shared.config.dialect) && !self.is_wanted(link, kind, id) {
            return;
        }
        tracing::debug!(target: "rpcudp", message_id = %id, %reason, "large frame was dropped");
        self.shared.calls.end_dropped(&id, reason);
    }

    pub(super) fn end_call(&self, call: &MessageId, reason: LinkEnd) {
        self.shared.calls.end_link_call(call, reason, false);
    }
}
