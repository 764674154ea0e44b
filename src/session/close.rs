//! The end of an endpoint's sessions when it closes.

use std::sync::Arc;

use rpcudp_core::{Counter, Request, codec};
use rpcudp_transport::SendBatch;

use super::effects::carry_out;
use super::roster::end_reason::EndReason;
use super::session_state::SessionState;
use crate::endpoint::shared::Shared;

/// Makes the endpoint end its sessions when it begins to close.
pub(crate) fn close_with(shared: &Arc<Shared>) {
    let weak = Arc::downgrade(shared);
    let close = move || {
        if let Some(shared) = weak.upgrade() {
            close(&shared);
        }
    };
    shared.sessions.on_close.get_or_init(|| Box::new(close));
}

fn close(shared: &Shared) {
    if let Some(roster) = shared.sessions.roster.get() {
        roster.table().close();
        carry_out(shared, roster);
        roster.on_expiry.notify_one();
    }
    leave_all(shared);
}

/// Tells the servers that this endpoint has joined, once and without waiting.
fn leave_all(shared: &Shared) {
    let mut requests = SendBatch::new();
    for link in shared.sessions.joined.all() {
        if let (Some(credential), Ok(id)) = (link.credential(), shared.calls.oneway_id()) {
            let write = |out: &mut Vec<u8>| {
                let start = out.len();
                Request::begin(out, shared.config.dialect, "rpc.leave", 1);
                codec::encode(out, &credential).expect("bytes can be encoded");
                Request::set_id(&mut out[start..], id);
            };
            match (&link.secure, &shared.links) {
                (Some(server), Some(links)) => {
                    let mut frame = Vec::new();
                    write(&mut frame);
                    // The server notices the end after the lease.
                    let _ = links.send_call(server, &frame, None);
                }
                _ => drop(requests.write(link.peer, None, write)),
            }
            shared.counters.add(Counter::CallsStarted, 1);
            shared.counters.add(Counter::CallsOneway, 1);
        }
        link.set_state(SessionState::Ended(EndReason::Closing));
        // Wakes the task of the session, which may wait in line or before its next attempt.
        link.tell(|inbox| inbox.ended = Some(EndReason::Closing));
    }
    if !requests.is_empty() {
        shared.send_queues.at(0).send_batch(&mut requests);
    }
}
