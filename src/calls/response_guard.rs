use std::net::SocketAddr;
use std::sync::MutexGuard;
use std::task::Waker;
use std::time::Duration;

use rand::Rng;
use rpcudp_core::{DropReason, MessageId};

use super::completion::{Completion, Failure, Setback};
use super::table::{CallState, Table};
use crate::clock::now;

/// The key of a call that has been completed, and the waker of its task.
pub(crate) type Completed = (MessageId, Waker);

/// The table of calls, locked while responses are matched.
pub(crate) struct ResponseGuard<'a> {
    table: MutexGuard<'a, Table>,
    wakes_driver: bool,
}

impl<'a> ResponseGuard<'a> {
    pub(super) fn new(table: MutexGuard<'a, Table>) -> Self {
        Self { table, wakes_driver: false }
    }

    /// Completes the call that a response belongs to, or adds the response to a multicast call. The
    /// call's task must be woken after the table is unlocked.
    ///
    /// # Errors
    ///
    /// The reason to drop the response.
    pub(crate) fn complete(
        &mut self,
        id: &MessageId,
        source: SocketAddr,
        handler_time: Duration,
        completion: impl FnOnce() -> Completion,
    ) -> Result<Option<Completed>, DropReason> {
        let key = self.table.calls.key(id).ok_or(DropReason::UnmatchedResponse)?;
        let waker = match self.table.calls.complete(id, source, handler_time, now)? {
            CallState::Multicast(collector) => collector.push(source, completion)?,
            state => state.complete(completion()),
        };
        Ok(waker.map(|waker| (key, waker)))
    }

    /// Returns whether other peers may respond to this call too.
    pub(crate) fn is_multicast(&mut self, key: &MessageId) -> bool {
        matches!(self.table.calls.data(key), Some(CallState::Multicast(_)))
    }

    /// Handles a refusal by a peer that is busy or closing, and has not run the method: completes
    /// the call, or sends its request again later if the call waits for its peer to become ready.
    ///
    /// # Errors
    ///
    /// As for [`complete`](Self::complete).
    pub(crate) fn refuse_not_ready(
        &mut self,
        id: &MessageId,
        source: SocketAddr,
        failure: Failure,
    ) -> Result<Option<Completed>, DropReason> {
        let failure = Box::new(failure);
        if !self.table.calls.waits_for_ready(id) {
            return self.complete(id, source, Duration::ZERO, || Completion::Failure(failure));
        }
        let key = self.table.calls.key(id).ok_or(DropReason::UnmatchedResponse)?;
        let random = self.table.rng.next_u32();
        self.table.calls.renew(id, source, now(), random)?;
        self.resume_later(key, Setback::Refused(failure));
        Ok(None)
    }

    /// Records a response that was dropped, for the estimate of the peer's round trip.
    pub(crate) fn record_dropped(&mut self, source: SocketAddr, reason: DropReason) {
        if reason == DropReason::UnmatchedResponse {
            self.table.calls.record_unmatched(source);
        }
    }

    /// Records that the handler of a call is running, as its peer reports.
    ///
    /// # Errors
    ///
    /// As for [`complete`](Self::complete).
    pub(crate) fn record_running(&mut self, id: &MessageId, source: SocketAddr) -> Result<(), DropReason> {
        let random = self.table.rng.next_u32();
        self.table.calls.running(id, source, now(), random)
    }

    /// Returns whether a call has been scheduled for an earlier time than the driver's next look.
    /// The driver must look again then.
    pub(crate) fn wakes_driver(&self) -> bool {
        self.wakes_driver
    }

    /// Handles a report that the network could not deliver a request to `destination`: completes
    /// the call, or sends its request again later if the call waits for its peer to become ready.
    ///
    /// # Errors
    ///
    /// As for [`complete`](Self::complete).
    pub(crate) fn complete_unreachable(
        &mut self,
        id: &MessageId,
        destination: SocketAddr,
    ) -> Result<Option<Completed>, DropReason> {
        let key = self.table.calls.key(id).ok_or(DropReason::UnmatchedResponse)?;
        if !self.table.calls.waits_for_ready(id) {
            let state = self.table.calls.unreachable(id, destination)?;
            return Ok(state.complete(Completion::Unreachable(Vec::new())).map(|waker| (key, waker)));
        }
        let random = self.table.rng.next_u32();
        self.table.calls.postpone(id, destination, now(), random)?;
        self.resume_later(key, Setback::Unreachable);
        Ok(None)
    }

    fn resume_later(&mut self, key: MessageId, setback: Setback) {
        self.table.setbacks.insert(key, setback);
        self.wakes_driver |= self.table.is_due_earlier(&key);
    }

    /// Returns the number of calls in the table.
    pub(crate) fn call_count(&self) -> usize {
        self.table.calls.len()
    }

    /// Checks that a pending call with this id expects a response from `source`.
    ///
    /// # Errors
    ///
    /// The reason to drop the response.
    pub(crate) fn expects(&self, id: &MessageId, source: SocketAddr) -> Result<(), DropReason> {
        self.table.calls.expects(id, source)
    }

    /// Returns whether the call was made to `source`.
    pub(crate) fn was_made_to(&self, id: &MessageId, source: SocketAddr) -> bool {
        self.table.calls.was_made_to(id, source)
    }
}
