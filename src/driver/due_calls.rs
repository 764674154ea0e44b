use std::time::Instant;

use rpcudp_core::Counter;
use rpcudp_transport::Datagram;

use crate::calls::in_flight::Retransmission;
use crate::endpoint::send_queue::SendMode;
use crate::endpoint::shared::Shared;
use crate::links::source::is_link;

/// Handles the calls that are due: ends those that have timed out, and retransmits the others'
/// requests. Returns the time of the next, which is not after `now` if more are due.
pub(super) fn handle_due_calls(shared: &Shared, now: Instant, mode: SendMode) -> Option<Instant> {
    let due = shared.calls.tick(now);
    for Retransmission { key, peer, datagram } in due.retransmissions {
        shared.counters.add(Counter::CallsRetransmitted, 1);
        if is_link(peer) {
            // A frame that finds no room counts as lost. Without its target, the call has ended.
            if let Some(links) = &shared.links
                && let Some(target) = links.find(peer)
            {
                let _ = links.send_call(&target, &datagram, Some(key));
            }
            continue;
        }
        let datagram = Datagram { destination: peer, source: None, contents: &datagram };
        if let Err(error) = shared.send_queues.for_peer(peer).send(datagram, Some(key), mode) {
            shared.calls.record_send_error(&key, error);
        }
    }
    due.next_tick
}
