use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rpcudp_core::RawArguments;
use rpcudp_core::codec::{ArgumentError, Arguments};
use rpcudp_core::contract::Delivery;
use rpcudp_transport::SendBatch;

use crate::endpoint::handlers::{Handlers, Running};
use crate::endpoint::shared::now;
use crate::server::owned_request::OwnedRequest;
use crate::server::rejection::Reason;
use crate::server::response::{Answer, AnswerWriter, Asked, Panicked};
use crate::telemetry::metrics::RequestTiming;
use crate::telemetry::outcome::Conclusion;
use crate::telemetry::trace::Trace;
use crate::{Context, buffer_pool};

/// A request that has come to the receive loop, for a method that is there.
#[derive(Debug)]
pub(crate) struct Arrived<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) method: &'static str,
    pub(crate) delivery: Delivery,
    pub(crate) arguments: RawArguments<'a>,
    /// How long the datagram was.
    pub(crate) len: usize,
    pub(crate) answers: &'a mut SendBatch,
    pub(crate) timing: RequestTiming,
}

/// One that a task of its own answers.
pub(crate) struct Deferred {
    pub(crate) cx: Context,
    method: &'static str,
    delivery: Delivery,
    len: usize,
    timing: RequestTiming,
    pub(crate) trace: Trace,
    _running: Running,
}

impl<'a> Arrived<'a> {
    /// Runs a sync method here and now, and writes its answer into the batch that leaves next.
    pub(crate) fn run<A: Answer>(self, handler: impl FnOnce(&Context, &mut Arguments<'a>) -> Result<A, ArgumentError>) {
        let trace = Trace::of_request(self.method, self.cx);
        let mut arguments = Arguments::new(self.arguments);
        // A panic costs this request alone: what it may have left half done is the handler's own.
        let guarded = AssertUnwindSafe(|| handler(self.cx, &mut arguments));
        let result = trace.in_scope(|| catch_unwind(guarded)).map_err(|_| Panicked);
        self.write(|writer| {
            let conclusion = writer.conclude(result);
            trace.end(conclusion.outcome(), None);
            conclusion
        });
    }

    /// Runs an async method as a task of its own, on a copy of its arguments.
    pub(crate) fn spawn<A, F>(self, handler: impl FnOnce(OwnedRequest) -> F + Send + 'static)
    where
        A: Answer,
        F: Future<Output = Result<A, ArgumentError>> + Send + 'static,
    {
        let Some(running) = Handlers::start(&self.cx.shared) else { return self.refuse(&Reason::Busy) };
        let request = OwnedRequest::new(self.cx, self.arguments);
        let trace = Trace::of_request(self.method, self.cx);
        let deferred = self.defer(trace, running);
        deferred.cx.shared.runtime.clone().spawn(async move {
            let cx = &deferred.cx;
            if cx.remaining() == Some(Duration::ZERO) {
                return deferred.expire();
            }
            let guarded = cx.shared.handlers.guard(&deferred.trace, async { handler(request).await });
            // Where the endpoint has closed there is nobody left to answer through.
            let Ok(result) = guarded.await else { return deferred.stop() };
            let mut answer = buffer_pool::take();
            let conclusion = AnswerWriter::new(&mut answer, deferred.asked()).conclude(result);
            deferred.answer(conclusion, answer);
        });
    }

    /// Says no to it, and to copies of it that are to come: one of a request that did not run is not run either.
    pub(crate) fn refuse(self, reason: &Reason) {
        self.write(|writer| writer.refuse(reason));
    }

    /// Has the answer written into the batch that leaves next, and remembers it for copies of the request.
    fn write(self, write: impl FnOnce(&mut AnswerWriter<'_>) -> Conclusion) {
        let Self { cx, method, delivery, len, answers, timing, .. } = self;
        let asked = Asked { cx, method, len, oneway: delivery == Delivery::OneWay };
        let answer = answers.write(cx.sender, cx.local, |out| timing.end(write(&mut AnswerWriter::new(out, asked))));
        if delivery == Delivery::AtMostOnce {
            cx.shared.stored_responses().finish(now(), cx.sender, cx.id, answer);
        }
    }

    pub(crate) fn defer(self, trace: Trace, running: Running) -> Deferred {
        let Self { cx, method, delivery, len, timing, .. } = self;
        Deferred { cx: cx.clone(), method, delivery, len, timing, trace, _running: running }
    }
}

impl Deferred {
    pub(crate) fn asked(&self) -> Asked<'_> {
        let Self { cx, method, delivery, len, .. } = self;
        Asked { cx, method, len: *len, oneway: *delivery == Delivery::OneWay }
    }

    /// Sends the answer, and remembers it for copies of the request.
    pub(crate) fn answer(self, conclusion: Conclusion, answer: Vec<u8>) {
        let Self { cx, delivery, timing, trace, _running, .. } = self;
        timing.end(conclusion);
        trace.end(conclusion.outcome(), None);
        if delivery == Delivery::AtMostOnce {
            cx.shared.stored_responses().finish(now(), cx.sender, cx.id, &answer);
        }
        cx.answer(&answer);
        buffer_pool::give(answer);
    }

    /// Its caller had given up before its turn came.
    pub(crate) fn expire(self) {
        self.cx.expired(self.delivery);
    }

    /// The endpoint closed while it ran.
    pub(crate) fn stop(self) {
        self.timing.end(Conclusion::Stopped);
    }
}
