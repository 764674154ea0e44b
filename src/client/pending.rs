use std::fmt;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rpcudp_core::contract::Delivery;
use rpcudp_core::limits::HEADER_LEN;
use rpcudp_core::{Counter, Dialect, Frame, MessageId, Request, Schedule};
use rpcudp_transport::Datagram;

use super::call_end::CallEnd;
use super::client_endpoint::ClientEndpoint;
use super::destination::reaches_several;
use super::extras::Extras;
use super::request::{CallSpec, OutgoingRequest};
use super::stub::Stub;
use super::target::Target;
use crate::buffer_pool;
use crate::calls::completion::{Completion, StartError, is_transient};
use crate::calls::response_body::ResponseBody;
use crate::clock::{later, now};
use crate::endpoint::send_queue::SendMode;
use crate::links::secure_peer::SecurePeer;
use crate::links::source::is_link;
use crate::telemetry::metrics::CallTiming;
use crate::telemetry::outcome::Outcome;
use crate::telemetry::progress::Progress;
use crate::telemetry::trace::Trace;

/// The part of a call that does not depend on the method's types.
pub(crate) struct PendingCall {
    pub(crate) endpoint: Arc<ClientEndpoint>,
    pub(crate) target: Target,
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
    /// Whether a call to a group goes to the member that its target names.
    pub(super) is_fixed: bool,
    /// Whether the peer is the only member of the client's group, which the call does not leave.
    pub(super) goes_to_only: bool,
    pub(super) state: State,
    trace: Trace,
    timing: CallTiming,
}

pub(super) enum State {
    /// The request is not sent.
    Ready(Vec<u8>, Option<Box<Extras>>),
    /// The request is in flight. For a call to a group, with the time of the request in ticks of
    /// the group.
    InFlight(MessageId, u32),
    /// The call waits for a member of its group, with its datagram.
    Waiting(Vec<u8>),
    Ended,
}

/// A transmission of a request under a new message id.
pub(super) struct Launch {
    pub(super) at: Instant,
    /// The time until the call's deadline.
    pub(super) remaining: Duration,
    pub(super) waits_for_ready: bool,
    /// Whether the request is kept, so that the call may move to another member of its group.
    pub(super) keeps_request: bool,
    pub(super) counter: Counter,
}

impl PendingCall {
    /// Calls in flight up to which a request is sent alone, from its caller's task. With more, the
    /// callers' tasks run one after another and their requests leave together.
    const MAX_IMMEDIATE: usize = 2;

    pub(crate) fn new(request: OutgoingRequest) -> Self {
        let OutgoingRequest { stub: Stub { endpoint, target, timeout, deadline }, spec, datagram, extras, .. } =
            request;
        let timeout = timeout.or(spec.timeout).unwrap_or(endpoint.shared().config.timeout);
        // A call on behalf of a request is of no use after that request's deadline.
        let inherited = deadline.map(|deadline| deadline.saturating_duration_since(now()));
        Self {
            target,
            spec,
            timeout: nanos(inherited.map_or(timeout, |inherited| timeout.min(inherited))),
            retransmits: spec.delivery.is_retransmitted(),
            waits_for_ready: spec.wait_for_ready || endpoint.shared().config.wait_for_ready,
            sends_deadline: true,
            body_len: u32::try_from(datagram.len() - HEADER_LEN).unwrap_or(u32::MAX),
            is_fixed: false,
            goes_to_only: false,
            endpoint,
            state: State::Ready(datagram, extras),
            trace: Trace::NONE,
            timing: CallTiming::NONE,
        }
    }

    /// Returns whether the call has not been polled.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(..))
    }

    /// Returns the same call to another target, which it does not leave. The call must not have
    /// been polled.
    pub(super) fn fork(&self, target: Target) -> Self {
        let state = match &self.state {
            State::Ready(datagram, extras) => {
                let mut copy = buffer_pool::take();
                copy.extend_from_slice(datagram);
                State::Ready(copy, extras.as_ref().map(|extras| Box::new(extras.fork())))
            }
            _ => State::Ended,
        };
        let (trace, timing) = (Trace::NONE, CallTiming::NONE);
        Self { endpoint: Arc::clone(&self.endpoint), target, is_fixed: true, state, trace, timing, ..*self }
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

    /// Adds an entry to the metadata of a request that has not been sent.
    pub(crate) fn set_metadata(&mut self, key: &str, value: &str) {
        if let State::Ready(_, extras) = &mut self.state {
            extras.get_or_insert_default().set_metadata(key, value);
        }
    }

    /// Returns a handle to the progress of the call. One that has ended if the call has been
    /// polled.
    pub(crate) fn progress(&mut self) -> Progress {
        if let State::Ready(_, extras) = &mut self.state {
            return extras.get_or_insert_default().progress();
        }
        let ended = Progress::new();
        ended.end();
        ended
    }

    /// Records that the request is being sent. Over a link, the driver records the rest.
    #[cold]
    fn begin_progress(&self, progress: &Progress, id: MessageId, len: usize) {
        progress.record_request(len);
        match &self.endpoint.shared().links {
            _ if !self.is_over_link() => progress.record_sent(len),
            // If the queue is full, so that the call may not be sent either, no piece is recorded.
            Some(links) => _ = links.track(id, progress),
            None => {}
        }
    }

    /// Records a response as a whole.
    pub(super) fn end_progress(&self, completion: &Completion) {
        if let Some(progress) = self.trace.progress()
            && let Completion::Response(body) = completion
        {
            progress.record_response(HEADER_LEN + body.wire_len());
        }
    }

    /// Sends the request at the first poll, and then waits for the end of the call.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<CallEnd> {
        if let Target::Group(..) = self.target
            && !self.stay_at_only()
        {
            return self.poll_group(cx);
        }
        match mem::replace(&mut self.state, State::Ended) {
            State::Ready(datagram, extras) => match self.start(datagram, extras, cx) {
                Ok(state) => {
                    self.state = state;
                    Poll::Pending
                }
                Err(end) => {
                    self.record_unsent(&end);
                    Poll::Ready(end)
                }
            },
            State::InFlight(id, _) => {
                let polled = self.endpoint.shared().calls.poll(&id, cx.waker());
                match &polled {
                    Poll::Pending => self.state = State::InFlight(id, 0),
                    Poll::Ready((completion, _)) => {
                        if let Completion::TimedOut(_) = completion {
                            self.stop_transfer(id);
                        }
                        self.record_at_only(completion);
                    }
                }
                polled.map(|(completion, transmission_count)| CallEnd::Completed(completion, transmission_count))
            }
            State::Waiting(_) => unreachable!("only calls to a group wait"),
            State::Ended => panic!("a call was polled after it had ended"),
        }
    }

    /// Sends the request. Returns the end of the call as the error if the call ends with that, as a
    /// oneway call does.
    fn start(
        &mut self,
        mut datagram: Vec<u8>,
        extras: Option<Box<Extras>>,
        cx: &mut Context<'_>,
    ) -> Result<State, CallEnd> {
        let started = now();
        self.begin(&mut datagram, extras, started)?;
        let launch = Launch {
            at: started,
            remaining: self.timeout(),
            waits_for_ready: self.waits_for_ready,
            keeps_request: false,
            counter: Counter::CallsStarted,
        };
        self.launch(&mut datagram, launch, cx).map(|id| State::InFlight(id, 0))
    }

    /// Begins the span and the measurement of the call. Returns its end as the error if its request
    /// cannot be sent to any peer.
    pub(super) fn begin(
        &mut self,
        datagram: &mut Vec<u8>,
        mut extras: Option<Box<Extras>>,
        started: Instant,
    ) -> Result<(), CallEnd> {
        self.trace = Trace::of_call(self.spec.name, self.peer(), started);
        self.timing = self.spec.meter.begin(self.spec.name, started);
        if let Some(extras) = &mut extras {
            if let Some(progress) = extras.take_progress() {
                self.trace.report_progress(progress);
            }
            extras.check_arguments()?;
        }
        #[cfg(feature = "secure")]
        if let Some(stream) = extras.as_mut().and_then(|extras| extras.stream.take()) {
            self.use_stream(&stream)?;
        }
        // The wire of a call to a group is that of the member that it goes to.
        if !matches!(self.target, Target::Group(_)) {
            self.check_wire()?;
        }
        #[cfg(feature = "opentelemetry")]
        self.trace.inject(|key, value| extras.get_or_insert_default().add_if_room(key, value));
        match extras {
            None => Ok(()),
            Some(extras) => extras.append(datagram, self.has_deadline().then(|| self.timeout())),
        }
    }

    /// Returns whether the request ends with the remaining time.
    fn has_deadline(&self) -> bool {
        self.sends_deadline
            && self.spec.delivery != Delivery::OneWay
            && self.endpoint.shared().config.dialect == Dialect::Rpcudp
    }

    /// Sends the request to the peer, and takes the datagram. Returns the call's key in the table,
    /// or, as the error, the end of the call, and leaves the datagram.
    #[inline]
    pub(super) fn launch(
        &mut self,
        datagram: &mut Vec<u8>,
        launch: Launch,
        cx: &mut Context<'_>,
    ) -> Result<MessageId, CallEnd> {
        let Launch { at, remaining, waits_for_ready, keeps_request, counter } = launch;
        let peer = self.peer();
        let shared = self.endpoint.shared();
        if peer.ip().is_unspecified() {
            let message = "an unspecified address (0.0.0.0 or [::]) is not a peer's address";
            return Err(unsendable(io::Error::new(io::ErrorKind::InvalidInput, message)));
        }
        if self.spec.delivery == Delivery::OneWay {
            let id = shared.calls.oneway_id().map_err(CallEnd::NotStarted)?;
            // The other requests of a fan-out leave with this one.
            let mode = if self.is_fixed { SendMode::Batched } else { SendMode::Immediate };
            self.send(datagram, id, None, mode)?;
            shared.counters.add(counter, 1);
            buffer_pool::give(mem::take(datagram));
            return Err(CallEnd::Completed(Completion::Response(ResponseBody::new(NIL)), 1));
        }
        if reaches_several(peer.ip()) {
            let message = "it is a multicast or broadcast address, whose members respond from other addresses: call \
                           them with `.all()`";
            return Err(unsendable(io::Error::new(io::ErrorKind::InvalidInput, message)));
        }
        let schedule =
            Schedule { sent: at, deadline: later(at, remaining), retransmits: self.retransmits, waits_for_ready };
        if counter == Counter::CallsStarted && self.sends_deadline && shared.config.dialect == Dialect::Rpcudp {
            // A call with metadata has the time already, and a group may have waited for a peer.
            if datagram.len() == HEADER_LEN + self.body_len() {
                Request::end(datagram, remaining);
            } else {
                Request::set_remaining(datagram, self.body_len(), remaining);
            }
        }
        let call = shared.calls.start(self.source(), schedule, cx.waker()).map_err(CallEnd::NotStarted)?;
        if call.wakes_driver {
            shared.wake_timekeeper();
        }
        let mode = if call.call_count > Self::MAX_IMMEDIATE { SendMode::Batched } else { SendMode::Immediate };
        if let Err(end) = self.send(datagram, call.key, Some(call.key), mode) {
            shared.calls.remove(&call.key);
            return Err(end);
        }
        shared.counters.add(counter, 1);
        let datagram = mem::take(datagram);
        if self.retransmits || waits_for_ready || keeps_request {
            shared.calls.keep(&call.key, datagram, keeps_request);
        } else {
            buffer_pool::give(datagram);
        }
        Ok(call.key)
    }

    /// Sends the request, or queues it.
    pub(super) fn send(
        &self,
        datagram: &mut [u8],
        id: MessageId,
        call: Option<MessageId>,
        mode: SendMode,
    ) -> Result<(), CallEnd> {
        if let Some(progress) = self.trace.record_id(id) {
            self.begin_progress(progress, id, datagram.len());
        }
        Request::set_id(datagram, id);
        match &self.target {
            Target::Peer(_) => {}
            Target::Secure(peer) => return self.send_over_link(peer, datagram, call),
            Target::Group(_) => {
                if let Some(peer) = self.member().and_then(|member| member.link()) {
                    return self.send_over_link(&peer, datagram, call);
                }
            }
        }
        let shared = self.endpoint.shared();
        let peer = self.peer();
        let datagram = Datagram { destination: peer, source: None, contents: datagram };
        match shared.send_queues.for_peer(peer).send(datagram, call, mode) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotConnected && shared.lifecycle.is_closing() => {
                Err(CallEnd::NotStarted(StartError::Closed))
            }
            // A retransmitted request counts as sent and lost.
            Err(error) if call.is_some() && self.retransmits && is_transient(&error) => {
                shared.calls.record_send_error(&id, error);
                Ok(())
            }
            Err(error) => Err(unsendable(error)),
        }
    }

    /// Ends the call if it has begun and has not ended. The peer is not told.
    pub(crate) fn abandon(&mut self) {
        match mem::replace(&mut self.state, State::Ended) {
            State::InFlight(key, sent) => {
                self.endpoint.shared().calls.remove(&key);
                self.record_evidence(self.abandoned(sent));
                self.end_former(None);
            }
            State::Waiting(_) => self.stop_waiting(),
            State::Ready(..) | State::Ended => {}
        }
    }

    /// Removes a request of the call from the table, and tells its peer that no response is needed
    /// any more. `source` is the address under which the table keeps the peer. The frame is lost if
    /// the send queue is full: it saves the peer some work, and no more depends on it.
    pub(super) fn cancel(&self, key: &MessageId, source: SocketAddr) {
        let shared = self.endpoint.shared();
        let Some(id) = shared.calls.remove(key) else { return };
        if self.has_stream() {
            // The drop of the stream tells the peer.
            return shared.counters.add(Counter::CancelsSent, 1);
        }
        let frame = self.cancel_frame(id);
        if let (Some(peer), Some(links)) = (self.secure_peer(source), &shared.links) {
            let has_frame = frame.is_some();
            if links.cancel_call(&peer, id, frame.unwrap_or_default()).is_ok() && has_frame {
                shared.counters.add(Counter::CancelsSent, 1);
            }
            return;
        }
        let Some(frame) = frame.filter(|_| !is_link(source)) else { return };
        let datagram = Datagram { destination: source, source: None, contents: &frame };
        // Queued behind the request, which may be in the queue too.
        if shared.send_queues.for_peer(source).send(datagram, None, SendMode::Batched).is_ok() {
            shared.counters.add(Counter::CancelsSent, 1);
        }
        buffer_pool::give(frame);
    }

    /// Returns the target of a request over a link: the tables keep its peer under `source`.
    fn secure_peer(&self, source: SocketAddr) -> Option<Arc<SecurePeer>> {
        match &self.target {
            Target::Secure(peer) => Some(Arc::clone(peer)),
            Target::Group(_) if is_link(source) => self.endpoint.shared().links.as_ref()?.find(source),
            Target::Peer(_) | Target::Group(_) => None,
        }
    }

    /// Ends the transfer of a request or response over a link after the call has timed out. The
    /// peer knows the deadline.
    pub(super) fn stop_transfer(&self, id: MessageId) {
        if let (Some(peer), Some(links)) = (self.secure_peer(self.source()), &self.endpoint.shared().links) {
            // If the queue is full, the transfer goes on, and its result is ignored.
            let _ = links.cancel_call(&peer, id, Vec::new());
        }
    }

    /// Returns the cancel frame for a request, if the call's settings and its peer allow it.
    fn cancel_frame(&self, id: MessageId) -> Option<Vec<u8>> {
        let config = &self.endpoint.shared().config;
        let is_sent = self.sends_deadline && config.calls.sends_cancels && config.dialect.has_cancel_frames();
        is_sent.then(|| {
            let mut frame = buffer_pool::take();
            Frame::encode_cancel(&mut frame, id);
            frame
        })
    }

    /// Records the outcome in the call's span, in a log line if the call failed, and in the
    /// metrics.
    pub(crate) fn record(&self, outcome: Outcome, failure: Option<&dyn fmt::Display>) {
        self.spec.meter.end(self.timing, outcome);
        self.trace.end(outcome.span_label(), failure);
    }

    /// Ends the call if it has begun and has not ended, and tells its peers.
    pub(super) fn end_early(&mut self) {
        match mem::replace(&mut self.state, State::Ended) {
            State::InFlight(key, sent) => {
                self.cancel(&key, self.source());
                self.record_evidence(self.abandoned(sent));
                self.end_former(None);
            }
            State::Waiting(_) => self.stop_waiting(),
            State::Ready(..) | State::Ended => return,
        }
        self.endpoint.shared().counters.add(Counter::CallsCancelled, 1);
        self.spec.meter.end(self.timing, Outcome::Cancelled);
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        self.end_early();
    }
}

pub(super) fn unsendable(error: io::Error) -> CallEnd {
    CallEnd::Completed(Completion::Unsendable { error, request: Vec::new() }, 0)
}

/// Returns the duration in nanoseconds, at most five centuries.
fn nanos(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX)
}

/// The value of a oneway call, as a response would encode it.
const NIL: &[u8] = b"\xc0";
