use std::sync::Arc;
use std::task::Waker;

use rpcudp_core::contract::Delivery;
use rpcudp_core::{Counter, Dialect, DropReason, Frame, MessageId, Request, Seen};
use rpcudp_transport::{Bounced, ReceiveBatch, Received, SendBatch, Transport};

use crate::Context;
use crate::answer::{AnswerWriter, Asked};
use crate::body::Body;
use crate::incoming::Incoming;
use crate::reason::Reason;
use crate::router::Router;
use crate::shared::{Shared, now};
use crate::waiting::{Answers, Failed, Outcome};

/// What becomes of the datagrams that arrive: answers end calls, requests run methods.
pub(crate) struct Dispatch {
    shared: Arc<Shared>,
    router: Arc<Router>,
    /// The context of the request that is being handled; the endpoint's part of it is always the same.
    cx: Context,
    /// Answers of sync methods, and refusals: they leave together.
    answers: SendBatch,
    /// Those whose calls have ended: they are woken when the table of calls is free again.
    woken: Vec<Waker>,
}

impl Dispatch {
    /// How many bytes of answers are collected at the most, but for the last: what is large gains little by company.
    const MAX_ANSWERS_LEN: usize = 1 << 17;

    pub(crate) fn new(shared: Arc<Shared>, socket: usize, router: Arc<Router>) -> Self {
        let nobody = Context {
            sender: shared.local_addr,
            local: None,
            id: MessageId::from_bytes([0; MessageId::LEN]),
            shared: Arc::clone(&shared),
            socket,
        };
        Self { shared, router, cx: nobody, answers: SendBatch::new(), woken: Vec::new() }
    }

    /// Handles what has arrived, and sends the answers to it.
    pub(crate) fn batch(&mut self, batch: &ReceiveBatch, transport: &dyn Transport) {
        let shared = Arc::clone(&self.shared);
        shared.counters.add(Counter::DatagramsReceived, batch.len() as u64);
        // The table of calls is held for answers that follow each other, and never while a method runs.
        let mut calls = None;
        let mut busy_since = None;
        for received in batch.iter() {
            let handled = match Frame::decode(received.contents, shared.config.dialect) {
                Ok(Frame::Request(request)) => {
                    calls = None;
                    busy_since.get_or_insert_with(now);
                    let handled = self.request(&request, &received);
                    if self.answers.byte_count() >= Self::MAX_ANSWERS_LEN {
                        shared.outboxes.at(self.cx.socket).send_answers(transport, &mut self.answers);
                    }
                    handled
                }
                Ok(answer) => {
                    let calls = calls.get_or_insert_with(|| shared.calls.answers());
                    take(calls, &answer, &received).map(|waker| self.woken.extend(waker))
                }
                Err(reason) => Err(reason),
            };
            if let Err(reason) = handled {
                shared.counters.dropped(reason);
                if reason == DropReason::OtherDialect && shared.log_limits.other_dialect.pass() {
                    warn_of_other_dialect(&received, shared.config.dialect);
                }
            }
        }
        drop(calls);
        if let Some(since) = busy_since {
            shared.counters.add(Counter::HandlingNanos, now().saturating_duration_since(since).as_nanos() as u64);
        }
        shared.outboxes.at(self.cx.socket).send_answers(transport, &mut self.answers);
        for bounced in batch.bounced() {
            self.bounced(&bounced);
        }
    }

    /// How many calls have ended since their callers were last woken.
    pub(crate) fn ended_count(&self) -> usize {
        self.woken.len()
    }

    /// Wakes those whose calls have ended.
    pub(crate) fn wake(&mut self) {
        self.woken.drain(..).for_each(Waker::wake);
    }

    /// Ends the call whose request came back. A message that does not quote the call's id might be anybody's.
    fn bounced(&mut self, bounced: &Bounced<'_>) {
        self.shared.counters.add(Counter::DatagramsBounced, 1);
        let Some(id) = Request::quoted_id(bounced.contents, self.shared.config.dialect) else { return };
        let ended = self.shared.calls.answers().take(&id, bounced.destination, || Outcome::Unreachable);
        // One that no call waits for is counted already.
        self.woken.extend(ended.ok().flatten());
    }

    fn request(&mut self, request: &Request<'_>, received: &Received<'_>) -> Result<(), DropReason> {
        let Self { shared, router, answers, cx, .. } = self;
        shared.counters.add(Counter::RequestsReceived, 1);
        if shared.lifecycle.is_closing() {
            return Err(DropReason::Closing);
        }
        (cx.sender, cx.local, cx.id) = (received.source, received.local, request.id);
        let cx = &*cx;
        let len = received.contents.len();
        let Some(route) = router.find(request.method) else {
            let asked = Asked { cx, method: request.method, len, oneway: false };
            answers.write(cx.sender, cx.local, |out| {
                AnswerWriter::new(out, asked).refuse(&Reason::Unknown);
            });
            return Ok(());
        };
        if route.delivery == Delivery::AtMostOnce {
            match shared.replies().begin(now(), cx.sender, cx.id, len) {
                Seen::Never => {}
                Seen::Running | Seen::Other | Seen::Answered(b"") => return Err(DropReason::DuplicateRequest),
                Seen::Answered(reply) => {
                    shared.counters.add(Counter::RequestsReplayed, 1);
                    answers.write(cx.sender, cx.local, |out| out.extend_from_slice(reply));
                    return Ok(());
                }
            }
        }
        let (method, delivery, arguments) = (route.name, route.delivery, request.arguments);
        router.call(route, Incoming { cx, method, delivery, arguments, len, answers });
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

/// Ends the call that an answer belongs to, and gives the waker of whoever waits for it.
fn take(calls: &mut Answers<'_>, answer: &Frame<'_>, received: &Received<'_>) -> Result<Option<Waker>, DropReason> {
    match answer {
        Frame::Response(response) => {
            calls.take(&response.id, received.source, || Outcome::Answered(Body::new(response.body)))
        }
        Frame::Failure(failure) => calls.take(&failure.id, received.source, || {
            Outcome::Failed(Box::new(Failed {
                code: failure.code,
                message: failure.message.into(),
                detail: failure.detail.map(<[u8]>::to_vec),
            }))
        }),
        Frame::Request(_) => unreachable!("a request answers nothing"),
    }
}
