use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rpcudp_core::RawArguments;
use rpcudp_core::codec::{ArgumentError, Arguments};
use rpcudp_core::contract::Delivery;
use rpcudp_transport::SendBatch;
use tracing::{Span, field};

use crate::answer::{Answer, AnswerWriter, Asked, Panicked};
use crate::conclusion::Conclusion;
use crate::handlers::Handlers;
use crate::metering::RequestTiming;
use crate::owned_request::OwnedRequest;
use crate::reason::Reason;
use crate::shared::now;
use crate::{Context, buffers};

/// A request on its way to its method. The generated dispatcher calls one of its methods.
#[doc(hidden)]
#[derive(Debug)]
pub struct Incoming<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) method: &'static str,
    pub(crate) delivery: Delivery,
    pub(crate) arguments: RawArguments<'a>,
    /// How long the datagram was.
    pub(crate) len: usize,
    pub(crate) answers: &'a mut SendBatch,
    pub(crate) timing: RequestTiming,
}

impl<'a> Incoming<'a> {
    /// Runs a sync method here and now, and writes its answer into the batch that leaves next.
    pub fn run<A: Answer>(self, handler: impl FnOnce(&Context, &mut Arguments<'a>) -> Result<A, ArgumentError>) {
        let trace = Trace::start(self.method, self.cx);
        let mut arguments = Arguments::new(self.arguments);
        // A panic costs this request alone: what it may have left half done is the handler's own.
        let guarded = AssertUnwindSafe(|| handler(self.cx, &mut arguments));
        let result = trace.span.in_scope(|| catch_unwind(guarded)).map_err(|_| Panicked);
        let asked = self.asked();
        let Self { cx, delivery, answers, timing, .. } = self;
        let answer = answers.write(cx.sender, cx.local, |out| {
            let conclusion = AnswerWriter::new(out, asked).conclude(result);
            timing.end(conclusion);
            trace.end(conclusion);
        });
        if delivery == Delivery::AtMostOnce {
            cx.shared.replies().finish(now(), cx.sender, cx.id, answer);
        }
    }

    /// Runs an async method as a task of its own, on a copy of its arguments.
    pub fn spawn<A, F>(self, handler: impl FnOnce(OwnedRequest) -> F + Send + 'static)
    where
        A: Answer,
        F: Future<Output = Result<A, ArgumentError>> + Send + 'static,
    {
        let Some(running) = Handlers::start(&self.cx.shared) else { return self.refuse_busy() };
        let request = OwnedRequest::new(self.cx, self.arguments);
        let trace = Trace::start(self.method, self.cx);
        let Self { cx, method, delivery, len, timing, .. } = self;
        let cx = cx.clone();
        cx.shared.runtime.clone().spawn(async move {
            if cx.remaining() == Some(Duration::ZERO) {
                return cx.expired(delivery);
            }
            let guarded = cx.shared.handlers.guard(&trace.span, async { handler(request).await });
            // Where the endpoint has closed there is nobody left to answer through.
            let Ok(result) = guarded.await else { return timing.end(Conclusion::Stopped) };
            let asked = Asked { cx: &cx, method, len, oneway: delivery == Delivery::OneWay };
            let mut answer = buffers::take();
            let conclusion = AnswerWriter::new(&mut answer, asked).conclude(result);
            timing.end(conclusion);
            trace.end(conclusion);
            if delivery == Delivery::AtMostOnce {
                cx.shared.replies().finish(now(), cx.sender, cx.id, &answer);
            }
            cx.answer(&answer);
            buffers::give(answer);
            drop(running);
        });
    }

    fn refuse_busy(self) {
        let asked = self.asked();
        let Self { cx, delivery, answers, timing, .. } = self;
        let refusal = answers.write(cx.sender, cx.local, |out| {
            timing.end(AnswerWriter::new(out, asked).refuse(&Reason::Busy));
        });
        if delivery == Delivery::AtMostOnce {
            // The caller is told that it did not run: no copy of it may.
            cx.shared.replies().finish(now(), cx.sender, cx.id, refusal);
        }
    }

    fn asked(&self) -> Asked<'a> {
        Asked { cx: self.cx, method: self.method, len: self.len, oneway: self.delivery == Delivery::OneWay }
    }
}

/// What is told of a request.
struct Trace {
    span: Span,
    started: Option<Instant>,
}

impl Trace {
    fn start(method: &'static str, cx: &Context) -> Self {
        let span = tracing::debug_span!(
            target: "rpcudp",
            "rpc_request",
            method,
            peer = %cx.sender,
            message_id = %cx.id,
            outcome = field::Empty,
            elapsed = field::Empty,
        );
        let started = (!span.is_disabled()).then(now);
        Self { span, started }
    }

    fn end(&self, conclusion: Conclusion) {
        if let Some(started) = self.started {
            let elapsed = now().saturating_duration_since(started);
            self.span.record("outcome", conclusion.outcome()).record("elapsed", field::debug(elapsed));
        }
    }
}
