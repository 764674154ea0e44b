//! The requests of calls in flight that may be sent again, also to another peer of a group.

use std::mem;
use std::task::Waker;
use std::time::Instant;

use rand::Rng;
use rpcudp_core::MessageId;

use super::in_flight::InFlightCalls;
use super::table::{CallState, Table};

impl InFlightCalls {
    /// Keeps a call's request, to send it again. The task of a watched call is woken when its peer
    /// [is silent](Self::is_silent).
    pub(crate) fn keep(&self, key: &MessageId, datagram: Vec<u8>, watch: bool) {
        match self.table.lock().calls.data(key) {
            Some(CallState::Pending { datagram: kept, is_watched, .. }) => (*kept, *is_watched) = (datagram, watch),
            Some(CallState::Completed(completion)) if watch => completion.keep_request(datagram),
            _ => {}
        }
    }

    /// Takes the request of a pending call, which is not retransmitted from now on.
    pub(crate) fn take_request(&self, key: &MessageId) -> Option<Vec<u8>> {
        match self.table.lock().calls.data(key) {
            Some(CallState::Pending { datagram, .. }) if !datagram.is_empty() => Some(mem::take(datagram)),
            _ => None,
        }
    }

    /// Copies the request of a pending call.
    pub(crate) fn copy_request(&self, key: &MessageId) -> Option<Vec<u8>> {
        match self.table.lock().calls.data(key) {
            Some(CallState::Pending { datagram, .. }) if !datagram.is_empty() => Some(datagram.clone()),
            _ => None,
        }
    }

    /// Returns whether the peer of a pending call has not responded to several transmissions, and
    /// has not reported that the handler is running.
    pub(crate) fn is_silent(&self, key: &MessageId) -> bool {
        self.table.lock().is_silent(key)
    }

    /// Spends the retry budget for a request that repeats a call at another peer. `is_counted` says
    /// whether the budget knows the call. Returns whether the budget allows it.
    pub(crate) fn try_repeat(&self, now: Instant, is_counted: bool) -> bool {
        self.table.lock().calls.try_repeat(now, is_counted)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.table.lock().is_closed
    }

    /// Returns an unpredictable number.
    pub(crate) fn random(&self) -> u64 {
        self.table.lock().rng.next_u64()
    }
}

impl Table {
    /// The transmissions after which a peer without a response is silent. The second finds out
    /// whether a handler is running, so that slow handlers do not run at several peers.
    const SILENT_TRANSMISSIONS: u32 = 2;

    /// See [`InFlightCalls::is_silent`].
    pub(super) fn is_silent(&self, key: &MessageId) -> bool {
        self.calls.transmission_count(key) > Self::SILENT_TRANSMISSIONS && !self.calls.is_running(key)
    }

    /// Takes the waker of a pending call. Its task registers another when it polls the call.
    pub(super) fn take_waker(&mut self, key: &MessageId) -> Option<Waker> {
        match self.calls.data(key) {
            // A task's waker may not be cloned under the lock.
            Some(CallState::Pending { waker, .. }) => Some(mem::replace(waker, Waker::noop().clone())),
            _ => None,
        }
    }
}
