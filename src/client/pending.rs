use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rpcudp_core::contract::Delivery;
use rpcudp_core::limits::HEADER_LEN;
use rpcudp_core::{Counter, Dialect, MessageId};

use super::call_end::CallEnd;
use super::client_endpoint::ClientEndpoint;
use super::extras::Extras;
use super::launch::Launch;
use super::request::{CallSpec, OutgoingRequest};
use super::stub::Stub;
use super::target::Target;
use crate::buffer_pool;
use crate::calls::completion::Completion;
use crate::clock::now;
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
    pub(super) trace: Trace,
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

impl PendingCall {
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

/// Returns the duration in nanoseconds, at most five centuries.
fn nanos(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX)
}
