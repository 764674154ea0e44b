//! The ends of links that calls were made over.

use std::net::SocketAddr;
use std::task::Waker;

use rand::Rng;
use rpcudp_core::MessageId;
use rpcudp_secure::LinkEnd;

use super::completion::Completion;
use super::in_flight::InFlightCalls;
use crate::clock::now;

impl InFlightCalls {
    /// Ends the calls over a link that has ended. A call that is retransmitted, or waits for its
    /// peer to become ready, goes on unless the end is final.
    pub(crate) fn end_link(&self, source: SocketAddr, is_final: bool, reason: LinkEnd) {
        let mut wakers = Vec::new();
        let mut table = self.table.lock();
        let random = table.rng.next_u32();
        table.calls.end_calls_to(source, is_final, (now(), random), |state| {
            wakers.extend(state.complete(Completion::LinkEnded(reason)));
        });
        table.next_tick = table.calls.next_poll();
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ends one call for which there is no link.
    pub(crate) fn end_link_call(&self, call: &MessageId, reason: LinkEnd) {
        let mut table = self.table.lock();
        let waker = table.calls.data(call).and_then(|state| state.complete(Completion::LinkEnded(reason)));
        drop(table);
        waker.into_iter().for_each(Waker::wake);
    }
}
