//! A call to an address that reaches several peers: one request, and the responses of all until the
//! window ends.

use std::mem;
use std::task::{Context, Poll};
use std::time::Duration;

use rpcudp_core::contract::Delivery;
use rpcudp_core::limits::HEADER_LEN;
use rpcudp_core::{Counter, Dialect, Request, Schedule};

use super::all::{All, PeerResult, Progress};
use super::call_end::CallEnd;
use super::destination::reaches_several;
use super::pending::{PendingCall, State};
use super::target::Target;
use crate::buffer_pool;
use crate::calls::completion::Completion;
use crate::calls::multicast::Collected;
use crate::clock::{later, now};
use crate::endpoint::send_queue::SendMode;
use crate::telemetry::outcome::Outcome;

impl<T, E> All<T, E> {
    /// The part of the window over which the peers spread their responses: the rest is for the
    /// network and for handlers.
    const SPREAD_DIVISOR: u32 = 2;

    /// Returns whether one request reaches all peers.
    pub(super) fn is_multicast(&self) -> bool {
        // A oneway request has no responses, so it is sent as any other.
        match self.call.target {
            Target::Peer(peer) if self.call.spec.delivery != Delivery::OneWay => {
                self.is_broadcast || reaches_several(peer.ip())
            }
            _ => false,
        }
    }

    /// Sends the request.
    pub(super) fn start_multicast(&mut self, cx: &mut Context<'_>) {
        let window = self.window.unwrap_or_else(|| self.call.timeout());
        self.call.set_timeout(window);
        let spread = self.spread.unwrap_or(window / Self::SPREAD_DIVISOR);
        self.progress = match self.call.send_multicast(spread, cx) {
            Ok(()) => Progress::Multicast { response_count: 0 },
            Err(end) => {
                let peer = self.call.peer();
                self.ended.push_back((peer, self.call.finish(end, self.decode)));
                Progress::over()
            }
        };
    }

    /// Polls for the next response. Ready with `None` at the end of the window.
    pub(super) fn poll_members(&mut self, cx: &mut Context<'_>) -> Poll<Option<PeerResult<T, E>>> {
        let Progress::Multicast { response_count } = &mut self.progress else {
            return Poll::Ready(self.ended.pop_front());
        };
        match self.call.poll_multicast(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Collected::Response(source, completion)) => {
                *response_count += 1;
                Poll::Ready(Some((source, self.call.result(source, completion, 1, self.decode))))
            }
            Poll::Ready(Collected::End(completion)) => {
                let has_responses = *response_count > 0;
                self.progress = Progress::over();
                Poll::Ready(self.end_multicast(completion, has_responses))
            }
        }
    }

    /// Records the end of the call. Returns it as a result unless the window has ended.
    fn end_multicast(&self, end: Completion, has_responses: bool) -> Option<PeerResult<T, E>> {
        let Completion::TimedOut(_) = end else {
            return Some((self.call.peer(), self.call.finish(CallEnd::Completed(end, 1), self.decode)));
        };
        let (counter, outcome) = if has_responses {
            (Counter::CallsCompleted, Outcome::Completed)
        } else {
            (Counter::CallsTimedOut, Outcome::Timeout)
        };
        self.call.endpoint.shared().counters.add(counter, 1);
        self.call.record(outcome, None);
        None
    }
}

impl PendingCall {
    /// Sends the request to all peers at once. Returns the end of the call if it cannot be sent.
    fn send_multicast(&mut self, spread: Duration, cx: &mut Context<'_>) -> Result<(), CallEnd> {
        let State::Ready(mut datagram, extras) = mem::replace(&mut self.state, State::Ended) else {
            unreachable!("the first poll sends the request");
        };
        let at = now();
        self.begin(&mut datagram, extras, at)?;
        // The number of peers is unknown, so a missing response shows no loss.
        self.retransmits = false;
        let (destination, timeout) = (self.peer(), self.timeout());
        let shared = self.endpoint.shared();
        if self.sends_deadline && shared.config.dialect == Dialect::Rpcudp {
            let body_len = self.body_len();
            // A call with metadata has the time already.
            if datagram.len() == HEADER_LEN + body_len {
                Request::end(&mut datagram, timeout);
            }
            Request::add_response_window(&mut datagram, body_len, spread);
        }
        let schedule = Schedule { sent: at, deadline: later(at, timeout), retransmits: false, waits_for_ready: false };
        let call = shared.calls.start_multicast(destination, schedule, cx.waker()).map_err(CallEnd::NotStarted)?;
        if call.wakes_driver {
            shared.wake_timekeeper();
        }
        if let Err(end) = self.send(&mut datagram, call.key, Some(call.key), SendMode::Immediate) {
            shared.calls.remove(&call.key);
            return Err(end);
        }
        shared.counters.add(Counter::CallsStarted, 1);
        buffer_pool::give(datagram);
        self.state = State::InFlight(call.key, 0);
        Ok(())
    }

    /// Polls for the next response, or the end of the call.
    fn poll_multicast(&mut self, cx: &mut Context<'_>) -> Poll<Collected> {
        let State::InFlight(key, _) = self.state else { unreachable!("the request was sent, and has not ended") };
        let polled = self.endpoint.shared().calls.poll_multicast(&key, cx.waker());
        if let Poll::Ready(Collected::End(_)) = polled {
            self.state = State::Ended;
        }
        polled
    }
}
