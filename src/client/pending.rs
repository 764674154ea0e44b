use std::fmt;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rpcudp_core::codec::EncodeError;
use rpcudp_core::contract::Delivery;
use rpcudp_core::limits::HEADER_LEN;
use rpcudp_core::{Counter, Dialect, Frame, MessageId, Request, Schedule};
use rpcudp_transport::Datagram;

use super::request::{CallSpec, OutgoingRequest};
use super::stub::Stub;
use crate::buffer_pool;
use crate::calls::completion::{Completion, StartError, is_transient};
use crate::calls::response_body::ResponseBody;
use crate::clock::{later, now};
use crate::endpoint::Endpoint;
use crate::endpoint::send_queue::SendMode;
use crate::telemetry::metrics::CallTiming;
use crate::telemetry::outcome::Outcome;
use crate::telemetry::trace::Trace;

/// The part of a call that does not depend on the method's types.
pub(crate) struct PendingCall {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) peer: SocketAddr,
    pub(crate) spec: &'static CallSpec,
    /// In nanoseconds, to save memory: there may be a million pending calls.
    timeout: u64,
    /// The length of the request's body, in bytes. A longer one than 4 GiB counts as that.
    body_len: u32,
    /// Whether the request is retransmitted until a response arrives.
    pub(crate) retransmits: bool,
    /// Whether the request is sent again if the peer is not ready.
    pub(crate) waits_for_ready: bool,
    /// Whether the request ends with the remaining time.
    pub(crate) sends_deadline: bool,
    state: State,
    trace: Trace,
    timing: CallTiming,
}

enum State {
    /// The request is not sent: the datagram, and the first argument that could not be encoded.
    Ready(Vec<u8>, Option<Box<(usize, EncodeError)>>),
    InFlight(MessageId),
    Ended,
}

/// The end of a call, before its response is decoded.
pub(crate) enum CallEnd {
    /// The completion, and the number of transmissions.
    Completed(Completion, u32),
    NotStarted(StartError),
    TooLarge {
        size: usize,
    },
    Unencodable {
        argument: usize,
        source: EncodeError,
    },
}

impl PendingCall {
    /// Calls in flight up to which a request is sent alone, from its caller's task. With more, the
    /// callers' tasks run one after another and their requests leave together.
    const MAX_IMMEDIATE: usize = 2;

    pub(crate) fn new(request: OutgoingRequest) -> Self {
        let OutgoingRequest { stub: Stub { endpoint, peer, timeout, deadline }, spec, datagram, encode_error, .. } =
            request;
        let timeout = timeout.or(spec.timeout).unwrap_or(endpoint.shared().config.timeout);
        // A call on behalf of a request is of no use after that request's deadline.
        let inherited = deadline.map(|deadline| deadline.saturating_duration_since(now()));
        Self {
            peer,
            spec,
            timeout: nanos(inherited.map_or(timeout, |inherited| timeout.min(inherited))),
            retransmits: spec.delivery.is_retransmitted(),
            waits_for_ready: spec.wait_for_ready || endpoint.shared().config.wait_for_ready,
            sends_deadline: true,
            body_len: u32::try_from(datagram.len() - HEADER_LEN).unwrap_or(u32::MAX),
            endpoint,
            state: State::Ready(datagram, encode_error),
            trace: Trace::NONE,
            timing: CallTiming::NONE,
        }
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_nanos(self.timeout)
    }

    /// Returns the length of the request's body, in bytes.
    pub(crate) fn body_len(&self) -> usize {
        self.body_len as usize
    }

    pub(crate) fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = nanos(timeout);
    }

    /// Sends the request at the first poll, and then waits for the end of the call.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<CallEnd> {
        match mem::replace(&mut self.state, State::Ended) {
            State::Ready(datagram, encode_error) => match self.start(datagram, encode_error, cx) {
                Ok(state) => {
                    self.state = state;
                    Poll::Pending
                }
                Err(end) => Poll::Ready(end),
            },
            State::InFlight(id) => {
                let polled = self.endpoint.shared().calls.poll(&id, cx.waker());
                if polled.is_pending() {
                    self.state = State::InFlight(id);
                }
                polled.map(|(completion, transmission_count)| CallEnd::Completed(completion, transmission_count))
            }
            State::Ended => panic!("a call was polled after it had ended"),
        }
    }

    /// Sends the request. Returns the end of the call as the error if the call ends with that, as a
    /// oneway call does.
    fn start(
        &mut self,
        mut datagram: Vec<u8>,
        encode_error: Option<Box<(usize, EncodeError)>>,
        cx: &mut Context<'_>,
    ) -> Result<State, CallEnd> {
        let started = now();
        self.trace = Trace::of_call(self.spec.name, self.peer, started);
        self.timing = self.spec.meter.begin(self.spec.name, started);
        if let Some(error) = encode_error {
            let (argument, source) = *error;
            return Err(CallEnd::Unencodable { argument, source });
        }
        let shared = self.endpoint.shared();
        let size = self.body_len();
        if size > shared.config.max_request_len {
            return Err(CallEnd::TooLarge { size });
        }
        if self.peer.ip().is_unspecified() {
            let message = "an unspecified address (0.0.0.0 or [::]) is not a peer's address";
            let error = io::Error::new(io::ErrorKind::InvalidInput, message);
            return Err(CallEnd::Completed(Completion::Unsendable(error), 0));
        }
        if self.spec.delivery == Delivery::OneWay {
            let id = shared.calls.oneway_id().map_err(CallEnd::NotStarted)?;
            self.send(&mut datagram, id, None, SendMode::Immediate)?;
            buffer_pool::give(datagram);
            return Err(CallEnd::Completed(Completion::Response(ResponseBody::new(NIL)), 1));
        }
        let schedule = Schedule {
            sent: started,
            deadline: later(started, self.timeout()),
            retransmits: self.retransmits,
            waits_for_ready: self.waits_for_ready,
        };
        if self.sends_deadline && shared.config.dialect == Dialect::Rpcudp {
            Request::end(&mut datagram, self.timeout());
        }
        let call = shared.calls.start(self.peer, schedule, cx.waker()).map_err(CallEnd::NotStarted)?;
        if call.wakes_driver {
            shared.wake_timekeeper();
        }
        let mode = if call.call_count > Self::MAX_IMMEDIATE { SendMode::Batched } else { SendMode::Immediate };
        if let Err(end) = self.send(&mut datagram, call.key, Some(call.key), mode) {
            self.endpoint.shared().calls.remove(&call.key);
            return Err(end);
        }
        if self.retransmits || self.waits_for_ready {
            self.endpoint.shared().calls.keep(&call.key, datagram);
        } else {
            buffer_pool::give(datagram);
        }
        Ok(State::InFlight(call.key))
    }

    /// Sends the request, or queues it.
    fn send(&self, datagram: &mut [u8], id: MessageId, call: Option<MessageId>, mode: SendMode) -> Result<(), CallEnd> {
        self.trace.record_id(id);
        Request::set_id(datagram, id);
        let shared = self.endpoint.shared();
        let datagram = Datagram { destination: self.peer, source: None, contents: datagram };
        match shared.send_queues.for_peer(self.peer).send(datagram, call, mode) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotConnected && shared.lifecycle.is_closing() => {
                return Err(CallEnd::NotStarted(StartError::Closed));
            }
            // A retransmitted request counts as sent and lost.
            Err(error) if call.is_some() && self.retransmits && is_transient(&error) => {
                shared.calls.record_send_error(&id, error);
            }
            Err(error) => return Err(CallEnd::Completed(Completion::Unsendable(error), 0)),
        }
        shared.counters.add(Counter::CallsStarted, 1);
        Ok(())
    }

    /// Ends the call if it is in flight.
    pub(crate) fn abandon(&mut self) {
        if let State::InFlight(key) = mem::replace(&mut self.state, State::Ended) {
            self.endpoint.shared().calls.remove(&key);
        }
    }

    /// Tells the peer that no response is needed any more. The frame is lost if the send queue is
    /// full: it saves the peer some work, and no more depends on it.
    fn send_cancel(&self, id: MessageId) {
        let shared = self.endpoint.shared();
        let config = &shared.config;
        if !self.sends_deadline || !config.calls.sends_cancels || !config.dialect.has_cancel_frames() {
            return;
        }
        let mut frame = buffer_pool::take();
        Frame::encode_cancel(&mut frame, id);
        let datagram = Datagram { destination: self.peer, source: None, contents: &frame };
        // Queued behind the request, which may be in the queue too.
        if shared.send_queues.for_peer(self.peer).send(datagram, None, SendMode::Batched).is_ok() {
            shared.counters.add(Counter::CancelsSent, 1);
        }
        buffer_pool::give(frame);
    }

    /// Records the outcome in the call's span, in a log line if the call failed, and in the
    /// metrics.
    pub(crate) fn record(&self, outcome: Outcome, failure: Option<&dyn fmt::Display>) {
        self.spec.meter.end(self.timing, outcome);
        self.trace.end(outcome.span_label(), failure);
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        let State::InFlight(key) = self.state else { return };
        let shared = self.endpoint.shared();
        shared.counters.add(Counter::CallsCancelled, 1);
        self.spec.meter.end(self.timing, Outcome::Cancelled);
        if let Some(id) = shared.calls.remove(&key) {
            self.send_cancel(id);
        }
    }
}

/// Returns the duration in nanoseconds, at most five centuries.
fn nanos(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX)
}

/// The value of a oneway call, as a response would encode it.
const NIL: &[u8] = b"\xc0";
