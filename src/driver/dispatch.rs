use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcudp_core::contract::Delivery;
use rpcudp_core::{Counter, Dialect, DropReason, Frame, MessageId, Request, Seen, copy};
use rpcudp_transport::{ReceiveBatch, Received, SendBatch, Transport, Unreachable};

use crate::Context;
use crate::calls::response_body::Body;
use crate::calls::table::{Answers, Failed, Outcome};
use crate::driver::source_batch::Visit;
use crate::driver::wake_chain::Ended;
use crate::endpoint::config::Config;
use crate::endpoint::send_queue::Outbox;
use crate::endpoint::shared::{Shared, now};
use crate::server::inline_request::Arrived;
use crate::server::rejection::Reason;
use crate::server::response::{AnswerWriter, Asked};
use crate::server::router::Router;
use crate::telemetry::metrics::RequestMeter;

/// What becomes of the datagrams that arrive: answers end calls, requests run methods.
pub(crate) struct Dispatch {
    shared: Arc<Shared>,
    router: Arc<Router>,
    /// The context of the request that is being handled; the endpoint's part of it is always the same.
    cx: Context,
    /// Answers of sync methods, and refusals: they leave together.
    answers: SendBatch,
    /// The requests of a source that are being heard, where it is limited.
    visit: Option<Visit>,
    /// Whose answer was the last, among those of a batch: once for each is enough.
    proved: Option<SocketAddr>,
    /// Those whose calls have ended: they are woken when the table of calls is free again.
    ended: Ended,
    /// Whether nobody waits for anything more.
    is_content: bool,
}

impl Dispatch {
    pub(crate) fn new(shared: Arc<Shared>, socket: usize, router: Arc<Router>) -> Self {
        let nobody = Context {
            sender: shared.local_addr,
            local: None,
            id: MessageId::from_bytes([0; MessageId::LEN]),
            deadline: None,
            shared: Arc::clone(&shared),
            socket,
        };
        Self {
            shared,
            router,
            cx: nobody,
            answers: SendBatch::new(),
            visit: None,
            proved: None,
            ended: Ended::default(),
            is_content: false,
        }
    }

    /// Handles what has arrived, and sends the answers to it.
    pub(crate) fn batch(&mut self, batch: &ReceiveBatch, transport: &dyn Transport) {
        let shared = Arc::clone(&self.shared);
        shared.counters.add(Counter::DatagramsReceived, batch.len() as u64);
        self.proved = None;
        self.is_content = false;
        // The table of calls is held for answers that follow each other, and never while a method runs.
        let mut calls = None;
        let mut busy_since = None;
        let mut rest = batch.iter();
        while let Some(received) = rest.next() {
            let handled = if Frame::is_request(received.contents, shared.config.dialect) {
                calls = None;
                let now = *busy_since.get_or_insert_with(now);
                if !self.visit.as_ref().is_some_and(|visit| visit.includes(received.source)) {
                    self.charge_visit(now);
                    self.begin_visit(&received, rest.clone(), now);
                }
                let handled = self.request(&received, now);
                if self.answers.byte_count() >= Outbox::ENOUGH_LEN {
                    self.charge_visit(now);
                    shared.outboxes.at(self.cx.socket).send_answers(transport, &mut self.answers);
                }
                handled
            } else {
                let calls = calls.get_or_insert_with(|| shared.calls.answers());
                self.answer(calls, &received)
            };
            if let Err(reason) = handled {
                shared.counters.dropped(reason);
                if reason == DropReason::OtherDialect && shared.log_limits.other_dialect.pass() {
                    // Who listens to the log is the user's code: nothing is held while it runs.
                    calls = None;
                    warn_of_other_dialect(&received, shared.config.dialect);
                }
            }
        }
        drop(calls);
        self.is_content &= batch.len() == 1;
        if let Some(since) = busy_since {
            self.charge_visit(since);
            self.visit = None;
            shared.counters.add(Counter::HandlingNanos, now().saturating_duration_since(since).as_nanos() as u64);
        }
        shared.outboxes.at(self.cx.socket).send_answers(transport, &mut self.answers);
        for bounced in batch.unreachable() {
            self.unreachable(&bounced);
        }
    }

    /// The calls that have ended, and those who are to be woken because of it.
    pub(crate) fn ended(&mut self) -> &mut Ended {
        &mut self.ended
    }

    /// Whether the last batch was the answer that alone was waited for, at an endpoint that serves nothing.
    pub(crate) fn is_content(&self) -> bool {
        self.is_content
    }

    /// Ends the call whose request came back. A message that does not quote the call's id might be anybody's.
    fn unreachable(&mut self, bounced: &Unreachable<'_>) {
        self.shared.counters.add(Counter::DatagramsUnreachable, 1);
        let Some(id) = Request::quoted_id(bounced.contents, self.shared.config.dialect) else { return };
        let ended = self.shared.calls.answers().unreachable(&id, bounced.destination);
        // One that no call waits for is counted already.
        if let Ok(Some(waker)) = ended {
            self.ended.push(id, bounced.destination, waker);
        }
    }

    /// Ends the call that an answer belongs to. One that belongs to none is not even read.
    fn answer(&mut self, calls: &mut Answers<'_>, received: &Received<'_>) -> Result<(), DropReason> {
        let config = &self.shared.config;
        let Received { source, contents, .. } = *received;
        if let Some(id) = Frame::response_id(contents, config.dialect) {
            calls.expects(&id, source)?;
        }
        let (id, ended) = match Frame::decode(contents, config.dialect)? {
            Frame::Response(response) => {
                let outcome = || Outcome::Answered(Body::new(response.body));
                (response.id, calls.take(&response.id, source, outcome)?)
            }
            Frame::Failure(failure) => {
                let outcome = || {
                    Outcome::Failed(Box::new(Failed {
                        code: failure.code,
                        message: failure.message.into(),
                        detail: failure.detail.map(<[u8]>::to_vec),
                    }))
                };
                (failure.id, calls.take(&failure.id, source, outcome)?)
            }
            Frame::Request(_) => unreachable!("a request answers nothing"),
        };
        if let Some(waker) = ended {
            // Its slot is free when its caller has looked.
            self.is_content = calls.slot_count() == 1 && self.router.is_empty();
            self.ended.push(id, source, waker);
        }
        if config.limits.applies_to(source) && self.proved != Some(source) {
            self.proved = Some(source);
            self.shared.limiter().validate(source, now());
        }
        Ok(())
    }

    /// Handles a request, if its source may ask.
    fn request(&mut self, received: &Received<'_>, now: Instant) -> Result<(), DropReason> {
        if let Some(visit) = &mut self.visit {
            visit.request()?;
        }
        let Frame::Request(request) = Frame::decode(received.contents, self.shared.config.dialect)? else {
            unreachable!("what claims to be a request is one, or nothing");
        };
        let answer_count = self.answers.len();
        self.run(&request, received, now)?;
        if let Some(visit) = self.visit.as_mut().filter(|_| self.answers.len() > answer_count) {
            let answer = self.answers.datagram(answer_count);
            visit.answer(answer.contents.len()).inspect_err(|_| self.answers.truncate(answer_count))?;
        }
        Ok(())
    }

    /// Has a request admitted, and those of the same source that follow it, if the source is limited.
    fn begin_visit<'a>(&mut self, first: &Received<'a>, rest: impl Iterator<Item = Received<'a>>, now: Instant) {
        let Config { limits, dialect, .. } = &self.shared.config;
        let source = first.source;
        self.visit = None;
        if !limits.applies_to(source) {
            return;
        }
        let following = rest.take_while(|next| next.source == source);
        let count = 1 + following.filter(|next| Frame::is_request(next.contents, *dialect)).count();
        let admission = self.shared.limiter().admit(source, count, now);
        self.visit = Some(Visit::new(source, admission, count, self.answers.len()));
    }

    /// Charges the answers to the requests that were heard: they leave next, or others' come after them.
    fn charge_visit(&mut self, now: Instant) {
        let Some(visit) = &mut self.visit else { return };
        let (len, first_answer) = (visit.charge(), mem::take(&mut visit.first_answer));
        if len > 0 && !self.shared.limiter().admit_response(visit.source, len, now) {
            // Other answers to the same source were charged meanwhile.
            let withheld_count = self.answers.len() - first_answer;
            self.answers.truncate(first_answer);
            (0..withheld_count).for_each(|_| self.shared.counters.dropped(DropReason::ResponseBudget));
        }
    }

    /// Has a request's method run, unless it did, and writes the answer if there is one already.
    fn run(&mut self, request: &Request<'_>, received: &Received<'_>, now: Instant) -> Result<(), DropReason> {
        let Self { shared, router, answers, cx, .. } = self;
        shared.counters.add(Counter::RequestsReceived, 1);
        if request.remaining == Some(Duration::ZERO) {
            return Err(DropReason::Expired);
        }
        (cx.sender, cx.local, cx.id) = (received.source, received.local, request.id);
        cx.deadline = request.remaining.and_then(|remaining| now.checked_add(remaining));
        let cx = &*cx;
        let len = received.contents.len();
        let Some(route) = router.find(request.method) else {
            let asked = Asked { cx, method: request.method, len, oneway: false };
            let timing = RequestMeter::unknown().begin();
            answers.write(cx.sender, cx.local, |out| {
                timing.end(AnswerWriter::new(out, asked).refuse(&Reason::Unknown));
            });
            return Ok(());
        };
        if shared.lifecycle.is_closing() {
            let asked = Asked { cx, method: route.name, len, oneway: route.delivery == Delivery::OneWay };
            let timing = route.meter.begin();
            answers.write(cx.sender, cx.local, |out| {
                timing.end(AnswerWriter::new(out, asked).refuse(&Reason::Closing));
            });
            return Ok(());
        }
        if route.delivery == Delivery::AtMostOnce {
            match shared.stored_responses().begin(now, cx.sender, cx.id, len) {
                Seen::Never => {}
                Seen::Running | Seen::Other | Seen::Stored(b"") => return Err(DropReason::DuplicateRequest),
                Seen::Stored(reply) => {
                    shared.counters.add(Counter::RequestsReplayed, 1);
                    answers.write(cx.sender, cx.local, |out| copy::append(out, reply));
                    return Ok(());
                }
            }
        }
        let (method, delivery, arguments) = (route.name, route.delivery, request.arguments);
        let timing = route.meter.begin();
        router.call(route, Arrived { cx, method, delivery, arguments, len, answers, timing });
        Ok(())
    }
}

/// Datagrams are dropped without a word, and calls end with timeouts: whoever set a network up wrongly needs a hint.
fn warn_of_other_dialect(received: &Received<'_>, dialect: Dialect) {
    tracing::warn!(
        target: "rpcudp",
        peer = %received.source,
        ?dialect,
        "a datagram in the other dialect was dropped: peers of the other network cannot be called and get no answers \
         (`Builder::dialect`; this is said once, and `Stats::dropped` counts them)"
    );
}
