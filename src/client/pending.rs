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
use rpcudp_core::{Counter, Dialect, MessageId, Request, Schedule};
use rpcudp_transport::Datagram;

use crate::calls::response_body::Body;
use crate::calls::table::{NotStarted, Outcome};
use crate::client::{CallSpec, OutgoingRequest, Stub};
use crate::endpoint::send_queue::Leave;
use crate::endpoint::shared::now;
use crate::telemetry::metrics::CallTiming;
use crate::telemetry::outcome::Conclusion;
use crate::telemetry::trace::Trace;
use crate::{Endpoint, buffer_pool};

/// The part of a call that is the same for all methods.
pub(crate) struct Sending {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) peer: SocketAddr,
    pub(crate) spec: &'static CallSpec,
    /// In nanoseconds: there may be a million of these.
    timeout: u64,
    /// Whether the request is sent again while no answer comes.
    pub(crate) retransmits: bool,
    state: State,
    trace: Trace,
    timing: CallTiming,
}

enum State {
    /// Not sent yet: the datagram, and the first argument that could not be encoded.
    Ready(Vec<u8>, Option<Box<(usize, EncodeError)>>),
    Waits(MessageId),
    Ended,
}

/// How a call ended, as far as it depends on nothing that its contract declares.
pub(crate) enum Ending {
    Outcome(Outcome),
    NotStarted(NotStarted),
    TooLarge { size: usize },
    Unencodable { argument: usize, source: EncodeError },
}

impl Sending {
    /// Up to so many calls at once, a request leaves by itself and from its caller's own task: nothing is faster where
    /// few are under way. Where more are, their tasks run one after the other, and their requests leave together.
    const MAX_ALONE: usize = 2;

    pub(crate) fn new(request: OutgoingRequest) -> Self {
        let OutgoingRequest { stub: Stub { endpoint, peer, timeout, deadline }, spec, datagram, fault, .. } = request;
        let timeout = timeout.or(spec.timeout).unwrap_or(endpoint.shared().config.timeout);
        // What is asked on behalf of a caller is of no use when that caller has given up.
        let inherited = deadline.map(|deadline| deadline.saturating_duration_since(now()));
        Self {
            peer,
            spec,
            timeout: nanos(inherited.map_or(timeout, |inherited| timeout.min(inherited))),
            retransmits: spec.delivery.is_retransmitted(),
            endpoint,
            state: State::Ready(datagram, fault),
            trace: Trace::NONE,
            timing: CallTiming::NONE,
        }
    }

    /// How long the answer is waited for.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_nanos(self.timeout)
    }

    pub(crate) fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = nanos(timeout);
    }

    /// Sends the request when it is first polled, and waits for its end then.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        match mem::replace(&mut self.state, State::Ended) {
            State::Ready(datagram, fault) => match self.start(datagram, fault, cx) {
                Ok(state) => {
                    self.state = state;
                    Poll::Pending
                }
                Err(ending) => Poll::Ready(ending),
            },
            State::Waits(id) => {
                let polled = self.endpoint.shared().calls.poll(&id, cx.waker());
                if polled.is_pending() {
                    self.state = State::Waits(id);
                }
                polled.map(Ending::Outcome)
            }
            State::Ended => panic!("a call was polled after it had ended"),
        }
    }

    /// Sends the request. A call that ends by that, as a oneway call does, gives its end as the error.
    fn start(
        &mut self,
        mut datagram: Vec<u8>,
        fault: Option<Box<(usize, EncodeError)>>,
        cx: &mut Context<'_>,
    ) -> Result<State, Ending> {
        let started = now();
        self.trace = Trace::of_call(self.spec.name, self.peer, started);
        self.timing = self.spec.meter.begin(self.spec.name, started);
        if let Some(fault) = fault {
            let (argument, source) = *fault;
            return Err(Ending::Unencodable { argument, source });
        }
        let size = datagram.len() - HEADER_LEN;
        let shared = self.endpoint.shared();
        if size > shared.config.max_request_len {
            return Err(Ending::TooLarge { size });
        }
        if self.peer.ip().is_unspecified() {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "nobody can be reached at an unspecified address");
            return Err(Ending::Outcome(Outcome::Unsendable(error)));
        }
        if self.spec.delivery == Delivery::OneWay {
            let id = shared.calls.oneway_id().map_err(Ending::NotStarted)?;
            self.post(&mut datagram, id, None, Leave::Alone)?;
            buffer_pool::give(datagram);
            return Err(Ending::Outcome(Outcome::Answered(Body::new(NIL))));
        }
        let schedule = Schedule {
            sent: started,
            deadline: started.checked_add(self.timeout()).unwrap_or(started + FOREVER),
            retransmits: self.retransmits,
        };
        if shared.config.dialect == Dialect::Rpcudp {
            Request::end(&mut datagram, self.timeout());
        }
        let slot = shared.calls.start(self.peer, schedule, cx.waker()).map_err(Ending::NotStarted)?;
        if slot.wakes_driver {
            shared.outboxes.wake_timekeeper();
        }
        let leave = if slot.count > Self::MAX_ALONE { Leave::WithOthers } else { Leave::Alone };
        if let Err(ending) = self.post(&mut datagram, slot.id, Some(slot.id), leave) {
            self.endpoint.shared().calls.remove(&slot.id);
            return Err(ending);
        }
        if self.retransmits {
            self.endpoint.shared().calls.keep(&slot.id, datagram);
        } else {
            buffer_pool::give(datagram);
        }
        Ok(State::Waits(slot.id))
    }

    /// Hands the request to the socket, or to the queue before it.
    fn post(&self, datagram: &mut [u8], id: MessageId, call: Option<MessageId>, leave: Leave) -> Result<(), Ending> {
        self.trace.sent(id);
        Request::set_id(datagram, id);
        let shared = self.endpoint.shared();
        let datagram = Datagram { destination: self.peer, source: None, contents: datagram };
        match shared.outboxes.to(self.peer).post(datagram, call, leave) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotConnected && shared.lifecycle.is_closing() => {
                return Err(Ending::NotStarted(NotStarted::Closed));
            }
            Err(error) => return Err(Ending::Outcome(Outcome::Unsendable(error))),
        }
        shared.counters.add(Counter::CallsStarted, 1);
        Ok(())
    }

    /// Waits no longer, if it did wait.
    pub(crate) fn give_up(&mut self) -> bool {
        let State::Waits(id) = self.state else { return false };
        self.state = State::Ended;
        self.endpoint.shared().calls.remove(&id);
        true
    }

    /// Tells how the call ended: in its span, in one line if it failed, and to the metrics.
    pub(crate) fn tell(&self, conclusion: Conclusion, failure: Option<&dyn fmt::Display>) {
        self.spec.meter.end(self.timing, conclusion);
        self.trace.end(conclusion.outcome(), failure);
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if self.give_up() {
            self.endpoint.shared().counters.add(Counter::CallsCancelled, 1);
            self.spec.meter.end(self.timing, Conclusion::Cancelled);
        }
    }
}

/// What is longer than five centuries is as long as that.
fn nanos(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX)
}

/// The value of a oneway call, as an answer would say it.
const NIL: &[u8] = b"\xc0";

/// What a timeout becomes that would end after time does: thirty years.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
