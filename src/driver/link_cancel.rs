//! The cancellation of calls over links.

use std::time::Instant;

use rpcudp_core::limits::HEADER_LEN;
use rpcudp_core::{Dialect, Frame, MessageId};
use rpcudp_secure::{Expected, LinkId, Links};

use crate::links::linked_peer::LinkedPeer;
use crate::links::secure_peer::{Route, SecurePeer};

/// Drops the rest of a request, and of its response. Returns the links for a cancel frame, the
/// newest last: none if the peer cannot have received the request.
pub(super) fn cancel_call(links: &mut Links, peer: &SecurePeer, id: MessageId, now: Instant) -> Vec<LinkId> {
    let expected = match peer.route {
        Route::Open(expected) => expected,
        Route::Back(_, key) => Expected::Key(key),
        Route::Plain => return Vec::new(),
    };
    let mut used = links.used_for(peer.addr(), expected);
    // Each of them, because the request may have been sent again over another.
    let unsent_count = used.iter().filter(|link| links.cancel(now, **link, id.as_bytes())).count();
    if unsent_count > 0 && used.len() == 1 {
        used.clear();
    }
    used
}

/// Drops the rest of the response to a request that its caller has cancelled.
pub(super) fn cancel_response(links: &mut Links, peer: &LinkedPeer, cancel_frame: &[u8], now: Instant) {
    let Some([_, id @ ..]) = cancel_frame.first_chunk::<HEADER_LEN>() else { return };
    let Some(link) = peer.link else { return };
    let addr = links.addr(link);
    for link in addr.map(|addr| links.used_for(addr, Expected::Key(peer.peer_id))).unwrap_or_default() {
        // The peer may have many links, and send many cancel frames: most have nothing to drop.
        if links.is_under_way(link, id) {
            links.cancel(now, link, id);
        }
    }
}

/// Returns whether a frame of this kind responds to a request.
pub(super) fn is_response(kind: u8, id: MessageId, dialect: Dialect) -> bool {
    let head = [&[kind][..], id.as_bytes()].concat();
    Frame::response_id(&head, dialect).is_some()
}
