//! The ends of links that calls were made over.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::task::Waker;
use std::time::Instant;

use rand::Rng;
use rpcudp_core::{Calls, MessageId};
use rpcudp_secure::LinkEnd;

use super::completion::Completion;
use super::in_flight::InFlightCalls;
use super::table::CallState;
use crate::clock::now;

impl InFlightCalls {
    /// Ends the calls over a link that has ended. A call that is retransmitted, or waits for its
    /// peer to become ready, goes on unless the end is final.
    pub(crate) fn end_link(&self, source: SocketAddr, is_final: bool, reason: LinkEnd) {
        self.end_some(reason, |calls, time, on_end| calls.end_calls_to(source, is_final, time, on_end));
    }

    /// Ends the calls whose requests waited for a link that did not come up, while there is another
    /// link to the peer. Goes on with the others as [`end_link`](Self::end_link) does.
    pub(crate) fn end_undelivered(&self, undelivered: &HashSet<MessageId>, reason: LinkEnd) {
        self.end_some(reason, |calls, time, on_end| {
            undelivered.iter().for_each(|call| calls.end_undelivered(call, time, &mut *on_end));
        });
    }

    fn end_some(
        &self,
        reason: LinkEnd,
        end: impl FnOnce(&mut Calls<CallState>, (Instant, u32), &mut dyn FnMut(&mut CallState)),
    ) {
        let mut wakers = Vec::new();
        let mut table = self.table.lock();
        let random = table.rng.next_u32();
        end(&mut table.calls, (now(), random), &mut |state| {
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
