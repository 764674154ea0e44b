use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcudp_core::{Counter, DropReason, Frame, RefusalKind, Request};
use rpcudp_transport::{ReceiveBatch, Received, SendBatch, Transport, Unreachable};

use super::source_batch::{Charge, SourceBatch};
use super::undeclared_request::UndeclaredRequest;
use super::warnings::{warn_of_other_dialect, warn_of_slow_method};
use crate::calls::completed::CompletedCalls;
use crate::calls::completion::{Completion, Failure};
use crate::calls::response_body::ResponseBody;
use crate::calls::response_guard::ResponseGuard;
use crate::clock::{coarse_millis, later, now};
use crate::endpoint::config::Config;
use crate::endpoint::handlers::Origin;
use crate::endpoint::send_queue::SendQueue;
use crate::endpoint::shared::Shared;
use crate::panic::catch;
use crate::server::delayed_response::response_delay;
use crate::server::handler_time::BatchClock;
use crate::server::inline_request::InlineRequest;
use crate::server::method_name::MethodName;
use crate::server::request_head::{RequestHead, SessionCheck};
use crate::server::router::Router;
use crate::server::services::Services;

/// The bit in the first byte of each datagram that belongs to a link: the fixed bit of QUIC. No
/// frame of the plain wire has it.
const QUIC_BIT: u8 = 0x40;

/// The dispatcher of received datagrams: responses complete calls, requests run methods.
pub(crate) struct Dispatch {
    pub(super) shared: Arc<Shared>,
    services: Arc<Services>,
    /// The router of this version of the services.
    router: Arc<Router>,
    version: u64,
    /// The head of the request that is being handled. Reused, because its endpoint is always the
    /// same.
    pub(super) head: RequestHead,
    /// The time of the requests that are being handled.
    clock: BatchClock,
    /// Responses of sync methods, and refusals. They leave together.
    pub(super) responses: SendBatch,
    /// The consecutive requests of one source that are being handled, if that source is limited.
    pub(super) source_batch: Option<SourceBatch>,
    /// The source of the last response. Validating a source once for a run of responses is enough.
    validated: Option<SocketAddr>,
    /// Calls with tasks that must be woken after the table of calls is unlocked.
    completed: CompletedCalls,
    /// Whether a call has become due before the timekeeper's next look.
    wakes_timekeeper: bool,
    pub(super) is_idle: bool,
    /// The coarse time before the request that is being handled.
    pub(super) coarse_millis: u64,
    /// The time at which a stored response may expire, if this socket has received an at-most-once
    /// request.
    next_expiry: Option<Instant>,
}

impl Dispatch {
    /// Time in milliseconds after which a sync method is reported: while it runs, its endpoint
    /// receives nothing.
    const SLOW_MILLIS: u64 = 50;

    pub(crate) fn new(shared: Arc<Shared>, socket: usize, services: Arc<Services>) -> Self {
        Self {
            head: RequestHead::idle(&shared, socket),
            shared,
            version: services.version(),
            router: services.router(),
            services,
            clock: BatchClock::new(),
            responses: SendBatch::new(),
            source_batch: None,
            validated: None,
            completed: CompletedCalls::default(),
            wakes_timekeeper: false,
            is_idle: false,
            coarse_millis: 0,
            next_expiry: None,
        }
    }

    /// Takes the router of the present services, if they have changed.
    pub(crate) fn update_router(&mut self) {
        if self.services.version() != self.version {
            self.replace_router();
        }
    }

    #[cold]
    fn replace_router(&mut self) {
        self.version = self.services.version();
        let former = mem::replace(&mut self.router, self.services.router());
        // This may drop a service, which is user code. Its panic must not end the driver.
        let _ = catch(|| drop(former));
    }

    /// Handles a batch of datagrams, and sends the responses.
    pub(crate) fn handle(&mut self, batch: &ReceiveBatch, transport: &dyn Transport) {
        self.update_router();
        let shared = Arc::clone(&self.shared);
        let send_queue = shared.send_queues.at(usize::from(self.head.context.socket));
        shared.counters.add(Counter::DatagramsReceived, batch.len() as u64);
        self.validated = None;
        self.is_idle = false;
        // The table of calls stays locked for a run of responses, and is never locked while a
        // method runs.
        let mut calls = None;
        let mut requests_since = None;
        let mut rest = batch.iter();
        while let Some(received) = rest.next() {
            let handled = if Frame::is_request(received.contents, shared.config.dialect) {
                if shared.config.links.refuses_plain_requests() {
                    shared.counters.dropped(DropReason::PlainRequest);
                    continue;
                }
                calls = None;
                let now = *requests_since.get_or_insert_with(|| {
                    self.coarse_millis = coarse_millis();
                    now()
                });
                if !self.source_batch.as_ref().is_some_and(|requests| requests.includes(received.source)) {
                    self.charge_responses(now);
                    self.begin_source_batch(&received, rest.clone(), now);
                }
                let handled = self.handle_request(&received, now);
                if self.responses.byte_count() >= SendQueue::FLUSH_LEN {
                    self.charge_responses(now);
                    send_queue.send_responses(transport, &mut self.responses);
                }
                handled
            } else if Frame::is_cancel(received.contents, shared.config.dialect) {
                // The cancelled handlers are woken, so unlock the table of calls first.
                calls = None;
                self.handle_cancel(&received)
            } else if received.contents.first().is_some_and(|first| first & QUIC_BIT != 0) && shared.links.is_some() {
                // The driver passes it to the links.
                continue;
            } else {
                let calls = calls.get_or_insert_with(|| shared.calls.lock_for_responses());
                self.handle_response(calls, &received)
            };
            if let Err(reason) = handled {
                shared.counters.dropped(reason);
                if let (DropReason::ResponseBudget, Some(now)) = (reason, requests_since) {
                    shared.warn_of_response_budget(received.source, now);
                }
                if reason == DropReason::OtherDialect && shared.log_limits.other_dialect.pass() {
                    // A subscriber of the log is user code, so unlock the table of calls first.
                    calls = None;
                    warn_of_other_dialect(&received, shared.config.dialect);
                }
            }
        }
        drop(calls);
        self.wake_timekeeper_if_due();
        self.is_idle &= batch.len() == 1;
        if let Some(since) = requests_since {
            self.charge_responses(since);
            self.source_batch = None;
            shared.counters.add(Counter::HandlingNanos, now().saturating_duration_since(since).as_nanos() as u64);
        }
        send_queue.send_responses(transport, &mut self.responses);
        for unreachable in batch.unreachable() {
            self.handle_unreachable(&unreachable);
        }
    }

    /// Wakes the timekeeper if a call has become due before its next look.
    pub(super) fn wake_timekeeper_if_due(&mut self) {
        if mem::take(&mut self.wakes_timekeeper) {
            self.shared.wake_timekeeper();
        }
    }

    /// Returns the calls that the last batch completed.
    pub(crate) fn completed(&mut self) -> &mut CompletedCalls {
        &mut self.completed
    }

    /// Returns whether the last batch was the response to the only pending call, at an endpoint
    /// that serves nothing: no call or service is waiting for another datagram.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_idle
    }

    /// Returns the time to call [`expire_responses`](Self::expire_responses).
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.next_expiry
    }

    /// Removes stored responses that have expired, so that their memory is free even if no request
    /// arrives.
    pub(crate) fn expire_responses(&mut self) {
        let now = now();
        if self.next_expiry.is_none_or(|expiry| expiry > now) {
            return;
        }
        let mut responses = self.shared.stored_responses();
        responses.expire(now);
        // A request that is running is stored later.
        let pending = (responses.bytes() > 0).then(|| later(now, self.shared.config.response_retention));
        self.next_expiry = responses.next_expiry().or(pending);
    }

    /// Completes the calls with requests that the network could not deliver. A report that does not
    /// quote the message id of a call could be forged.
    ///
    /// The report of a segmented send that reached its destination unsplit, as on the loopback
    /// interface, quotes the requests of further calls after the first.
    fn handle_unreachable(&mut self, unreachable: &Unreachable<'_>) {
        let Unreachable { destination, contents } = *unreachable;
        let dialect = self.shared.config.dialect;
        self.shared.counters.add(Counter::DatagramsUnreachable, 1);
        let mut calls = self.shared.calls.lock_for_responses();
        for at in 0..contents.len() {
            let id = Request::quoted_id(&contents[at..], dialect);
            match id.map(|id| calls.complete_unreachable(&id, destination)) {
                Some(Ok(Some((key, waker)))) => self.completed.push(key, destination, waker),
                Some(Ok(None)) => {}
                // A report for no pending call is counted above, and otherwise ignored.
                _ if at == 0 => break,
                _ => {}
            }
        }
        let wakes_driver = calls.wakes_driver();
        drop(calls);
        if wakes_driver {
            self.shared.wake_timekeeper();
        }
    }

    /// Completes the call that a response belongs to. Does not decode a response that no call
    /// expects.
    pub(super) fn handle_response(
        &mut self,
        calls: &mut ResponseGuard<'_>,
        received: &Received<'_>,
    ) -> Result<(), DropReason> {
        let config = &self.shared.config;
        let Received { source, contents, .. } = *received;
        let expected = Frame::response_id(contents, config.dialect);
        if let Some(id) = &expected {
            calls.expects(id, source).inspect_err(|reason| calls.record_dropped(source, *reason))?;
        }
        // With `any_source`, a peer may respond in another's name. That shows nothing about the
        // other's address.
        let validates = config.limits.applies_to(source)
            && self.validated != Some(source)
            && expected.is_some_and(|id| calls.was_made_to(&id, source));
        let completed = match Frame::decode_with_trailer(contents, config.dialect) {
            // The peer has responded, and no better response will follow. The end of a response
            // with a checksum may be forged, so such a response is dropped.
            Err(reason) => {
                let id = expected.filter(|_| Frame::is_unchecked_response(contents, config.dialect)).ok_or(reason)?;
                calls.complete(&id, source, Duration::ZERO, || Completion::Undecodable(reason))?
            }
            Ok((Frame::Response(response), trailer)) => {
                let completion = || Completion::Response(ResponseBody::new(response.body));
                calls.complete(&response.id, source, trailer.handler_time.unwrap_or_default(), completion)?
            }
            Ok((Frame::Failure(failure), trailer)) => {
                let (id, code) = (failure.id, failure.code);
                calls.expects(&id, source)?;
                let detail = failure.detail.map(<[u8]>::to_vec);
                let failure = Failure { code, message: failure.printable_message(), detail, request: Vec::new() };
                if matches!(code.refusal(), Some(RefusalKind::Busy | RefusalKind::Closing)) {
                    calls.refuse_not_ready(&id, source, failure)?
                } else {
                    let handler_time = trailer.handler_time.unwrap_or_default();
                    calls.complete(&id, source, handler_time, || Completion::Failure(Box::new(failure)))?
                }
            }
            Ok((Frame::Running { id }, _)) => {
                calls.record_running(&id, source)?;
                self.shared.counters.add(Counter::RunningReceived, 1);
                None
            }
            // The caller passes no requests and cancel frames: this is shorter than the shortest
            // request.
            Ok((Frame::Request(_) | Frame::Cancel { .. }, _)) => return Err(DropReason::WrongShape),
        };
        self.wakes_timekeeper |= calls.wakes_driver();
        if let Some((key, waker)) = completed {
            // A completed call keeps its slot until its task has taken the completion.
            self.is_idle = calls.call_count() == 1 && self.router.is_empty() && !calls.is_multicast(&key);
            self.completed.push(key, source, waker);
        }
        if validates {
            self.validated = Some(source);
            self.shared.limiter().validate(source, now());
        }
        Ok(())
    }

    /// Cancels the handler of a request, on behalf of the caller that sent it.
    fn handle_cancel(&self, received: &Received<'_>) -> Result<(), DropReason> {
        let Frame::Cancel { id } = Frame::decode(received.contents, self.shared.config.dialect)? else {
            unreachable!("`Frame::is_cancel` and `Frame::decode` agree on cancel frames");
        };
        if !self.shared.handlers.cancel(id, received.source) {
            return Err(DropReason::UnmatchedCancel);
        }
        self.shared.counters.add(Counter::CancelsReceived, 1);
        Ok(())
    }

    /// Handles a request if the limits of its source allow it.
    pub(super) fn handle_request(&mut self, received: &Received<'_>, now: Instant) -> Result<(), DropReason> {
        if let Some(requests) = &mut self.source_batch {
            requests.take_request()?;
        }
        let request = Request::decode(received.contents, self.shared.config.dialect)?;
        let response_count = self.responses.len();
        let counter = self.run(&request, received, now)?;
        if request.response_window.is_some() {
            self.delay_response(response_count, counter);
            return Ok(());
        }
        match self.source_batch.as_mut().filter(|_| self.responses.len() > response_count) {
            Some(requests) => {
                let response = self.responses.datagram(response_count);
                let added = requests.add_response(response.contents.len(), counter);
                added.inspect_err(|_| self.responses.truncate(response_count))?;
            }
            None => counter.into_iter().for_each(|counter| self.shared.counters.add(counter, 1)),
        }
        Ok(())
    }

    /// Takes the response to a multicast request out of the batch, to send it later.
    fn delay_response(&mut self, index: usize, counter: Option<Counter>) {
        if self.responses.len() > index {
            let Self { head, responses, .. } = self;
            let destination = head.context.sender;
            head.send_response(counter, responses.datagram(index).contents, destination);
            responses.truncate(index);
        }
    }

    /// Admits a request together with the requests of the same source that follow it, if the source
    /// is limited.
    fn begin_source_batch<'a>(&mut self, first: &Received<'a>, rest: impl Iterator<Item = Received<'a>>, now: Instant) {
        let Config { limits, dialect, .. } = &self.shared.config;
        let source = first.source;
        self.source_batch = None;
        if !limits.applies_to(source) {
            return;
        }
        let following = rest.take_while(|next| next.source == source);
        let count = 1 + following.filter(|next| Frame::is_request(next.contents, *dialect)).count();
        let admission = self.shared.limiter().admit(source, count, now);
        self.source_batch = Some(SourceBatch::new(source, admission, count, self.responses.len()));
    }

    /// Charges the responses to the current source batch, before they leave or another source's
    /// follow.
    pub(super) fn charge_responses(&mut self, now: Instant) {
        let Some(requests) = &mut self.source_batch else { return };
        let Charge { len, first_response, counts } = requests.charge();
        let counters = &self.shared.counters;
        if len > 0 && !self.shared.limiter().admit_response(requests.source, len, now) {
            // Async handlers have spent the source's budget since the batch was admitted.
            let dropped_count = self.responses.len() - first_response;
            self.responses.truncate(first_response);
            (0..dropped_count).for_each(|_| counters.dropped(DropReason::ResponseBudget));
            self.shared.warn_of_response_budget(requests.source, now);
        } else {
            counts.into_iter().for_each(|(counter, count)| counters.add(counter, count));
        }
    }

    /// Runs a request's method, if its service admits the request. Returns the counter of the
    /// response.
    fn run(
        &mut self,
        request: &Request<'_>,
        received: &Received<'_>,
        now: Instant,
    ) -> Result<Option<Counter>, DropReason> {
        let Self { shared, router, responses, head, clock, source_batch, .. } = self;
        shared.counters.add(Counter::RequestsReceived, 1);
        if request.remaining == Some(Duration::ZERO) {
            return Err(DropReason::Expired);
        }
        let cx = &mut head.context;
        (cx.sender, cx.local, cx.id) = (received.source, received.local, request.id);
        cx.deadline = request.remaining.and_then(|remaining| now.checked_add(remaining));
        cx.metadata = if request.metadata.is_empty() { None } else { request.metadata.decode().map(Arc::new) };
        head.response_delay = match request.response_window {
            Some(window) => response_delay(window, request.remaining, shared),
            None => 0,
        };
        head.len = received.contents.len();
        (head.arrived, head.has_trailer) = (now, request.remaining.is_some());
        clock.set_arrived(now);
        head.origin = source_batch.as_ref().map_or(Origin::Exempt, SourceBatch::origin);
        let route = match router.find(request.method) {
            Some(route) => {
                head.method = MethodName::Declared(route.name);
                route
            }
            None => {
                let datagram = received.contents;
                match (UndeclaredRequest { head, request, datagram, responses, clock }).route(router) {
                    Ok(route) => route,
                    Err(counter) => return Ok(counter),
                }
            }
        };
        head.delivery = route.delivery;
        head.check_session(route.pool);
        if route.delivery.is_retransmitted() && self.next_expiry.is_none() {
            self.next_expiry = Some(later(now, shared.config.response_retention));
        }
        let mut counter = None;
        router.call(
            route,
            InlineRequest {
                head,
                request,
                datagram: received.contents,
                responses,
                counter: &mut counter,
                meter: route.meter,
                clock,
            },
        );
        if head.session == SessionCheck::Found {
            // The last handle drops the program's data, which may panic.
            let session = head.context.session.take();
            let _ = catch(|| drop(session));
        }
        let (begun, ended) = (self.coarse_millis, coarse_millis());
        self.coarse_millis = ended;
        if ended.saturating_sub(begun) >= Self::SLOW_MILLIS {
            warn_of_slow_method(shared, &head.method, Duration::from_millis(ended - begun));
        }
        Ok(counter)
    }
}
