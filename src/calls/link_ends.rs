//! The begins and ends of links that calls were made over.

use std::collections::{BTreeSet, HashSet};
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
    /// Lets the time of calls count from now, whose requests have waited for the handshake of their
    /// link.
    pub(crate) fn depart(&self, waiting: &BTreeSet<MessageId>) {
        if waiting.is_empty() {
            return;
        }
        let mut table = self.table.lock();
        let now = now();
        for call in waiting {
            let random = table.rng.next_u32();
            table.calls.depart(call, (now, random));
        }
        table.next_tick = table.calls.next_poll();
    }

    /// Ends the calls over a link that has ended, whose methods may have run. A call that is
    /// retransmitted, or waits for its peer to become ready, goes on unless the end is final.
    pub(crate) fn end_link(&self, source: SocketAddr, is_final: bool, reason: LinkEnd) {
        self.end_some((reason, true), |calls, time, on_end| calls.end_calls_to(source, is_final, time, on_end));
    }

    /// Ends the calls whose requests waited for a link that did not come up. Goes on with others as
    /// [`end_link`](Self::end_link) does.
    pub(crate) fn end_undelivered(&self, undelivered: &BTreeSet<MessageId>, is_final: bool, reason: LinkEnd) {
        self.end_some((reason, false), |calls, time, on_end| {
            undelivered.iter().for_each(|call| calls.end_undelivered(call, is_final, time, &mut *on_end));
        });
    }

    /// Retransmits a call at long intervals while its request or response is under way on a stream.
    /// Returns whether the call is one that is retransmitted.
    pub(crate) fn carry(&self, id: &MessageId) -> bool {
        let mut table = self.table.lock();
        let random = table.rng.next_u32();
        table.calls.carry(id, now(), random)
    }

    /// Whether a call is under way on a stream.
    pub(crate) fn is_carried(&self, id: &MessageId) -> bool {
        self.table.lock().calls.is_carried(id)
    }

    /// Retransmits calls again whose link has ended.
    pub(crate) fn resume(&self, carried: &[MessageId], reason: LinkEnd) {
        self.end_some((reason, false), |calls, (now, random), _| {
            carried.iter().for_each(|id| calls.resume(id, now, random));
        });
    }

    /// Ends the call with this message id whose large request or response was dropped. Retransmits
    /// it soon if it is one that is retransmitted, unless the frame is too large.
    pub(crate) fn end_dropped(&self, id: &MessageId, reason: LinkEnd) {
        let (is_final, may_have_run) = match reason {
            LinkEnd::RequestTooLarge { .. } => (true, false),
            LinkEnd::ResponseTooLarge { .. } => (true, true),
            _ => (false, true),
        };
        let table = self.table.lock();
        let Some(call) = table.calls.key(id) else { return };
        let goes_on = !is_final && table.calls.retransmits(&call);
        drop(table);
        if goes_on {
            self.resume(&[*id], reason);
        } else {
            self.end_link_call(&call, reason, may_have_run);
        }
    }

    /// Returns the peers of the calls in flight that satisfy the condition. Looks at every call in
    /// the table.
    pub(crate) fn peers(&self, condition: impl Fn(SocketAddr) -> bool) -> HashSet<SocketAddr> {
        self.table.lock().calls.peers().filter(|peer| condition(*peer)).collect()
    }

    fn end_some(
        &self,
        (reason, may_have_run): (LinkEnd, bool),
        end: impl FnOnce(&mut Calls<CallState>, (Instant, u32), &mut dyn FnMut(&mut CallState)),
    ) {
        let mut wakers = Vec::new();
        let mut table = self.table.lock();
        let random = table.rng.next_u32();
        end(&mut table.calls, (now(), random), &mut |state| {
            wakers.extend(state.complete(Completion::link_ended(reason, may_have_run)));
        });
        table.next_tick = table.calls.next_poll();
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ends one call for which there is no link, or no stream or frame any more.
    pub(crate) fn end_link_call(&self, call: &MessageId, reason: LinkEnd, may_have_run: bool) {
        let mut table = self.table.lock();
        let completion = Completion::link_ended(reason, may_have_run);
        let waker = table.calls.data(call).and_then(|state| state.complete(completion));
        drop(table);
        waker.into_iter().for_each(Waker::wake);
    }
}
