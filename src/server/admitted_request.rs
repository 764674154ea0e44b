use std::future::Future;

use rpcudp_core::codec::{ArgumentError, Arguments};
use rpcudp_core::{Counter, RawArguments};
use rpcudp_transport::SendBatch;

use super::blocking_pool::spawn_blocking;
use super::context::Context;
use super::handler_time::BatchClock;
use super::owned_request::OwnedRequest;
use super::rejection::Rejection;
use super::request_head::RequestHead;
use super::response::{IntoResponse, ResponseWriter};
use super::spawned_request::SpawnedRequest;
use super::tracked_request::TrackedRequest;
use crate::endpoint::handlers::{Aborted, HandlerKind, HandlerPermit};
use crate::panic::catch;
use crate::telemetry::metrics::RequestTiming;
use crate::telemetry::outcome::Outcome;
use crate::telemetry::trace::Trace;

/// A request on the receive loop that is no duplicate, at an endpoint that is not closing.
#[derive(Debug)]
#[must_use = "a request ends with `run`, `spawn`, `refuse` or `into_spawned`"]
pub(crate) struct AdmittedRequest<'a> {
    pub(crate) head: &'a RequestHead,
    pub(crate) arguments: RawArguments<'a>,
    pub(crate) tracked: Option<TrackedRequest>,
    /// The responses that leave next.
    pub(crate) responses: &'a mut SendBatch,
    pub(crate) counter: &'a mut Option<Counter>,
    pub(crate) timing: RequestTiming,
    pub(crate) clock: &'a mut BatchClock,
}

impl<'a> AdmittedRequest<'a> {
    /// Opens the span of the request.
    pub(crate) fn trace(&self) -> Trace {
        let RequestHead { context, method, .. } = self.head;
        let trace = Trace::of_request(method, context.sender, context.id);
        #[cfg(feature = "opentelemetry")]
        trace.join(context.metadata.as_deref());
        trace
    }

    /// Runs a sync method at once, and writes its response into the batch that leaves next.
    pub(crate) fn run<R: IntoResponse>(
        self,
        handler: impl FnOnce(&Context, &mut Arguments<'a>) -> Result<R, ArgumentError>,
    ) {
        let trace = self.trace();
        let mut arguments = Arguments::new(self.arguments);
        let result = trace.in_scope(|| catch(|| handler(&self.head.context, &mut arguments)));
        self.write(|writer| {
            let outcome = writer.finish(result);
            trace.end(outcome.span_label(), None);
            outcome
        });
    }

    /// Runs an async method as a task, on a copy of its arguments.
    pub(crate) fn spawn<R, F>(self, handler: impl FnOnce(OwnedRequest) -> F + Send + 'static)
    where
        R: IntoResponse,
        F: Future<Output = Result<R, ArgumentError>> + Send + 'static,
    {
        let shared = &self.head.context.shared;
        let Some(permit) = shared.handlers.try_acquire(HandlerKind::Task, self.head.origin) else {
            return self.refuse(&Rejection::Busy);
        };
        let owned = OwnedRequest::new(self.head.for_handler(&permit), self.arguments);
        let trace = self.trace();
        let spawned = self.into_spawned(trace, permit);
        spawned.head.context.shared.runtime.clone().spawn(async move {
            if spawned.head.is_expired() {
                return spawned.expire();
            }
            let guarded = spawned.permit.guard(&spawned.trace, spawned.head.bounds(), async { handler(owned).await });
            let result = match guarded.await {
                Ok(result) => result,
                // A closed endpoint has no socket to respond through.
                Err(Aborted::Closed) => return spawned.abort(),
                Err(Aborted::TimedOut) => return spawned.refuse(&Rejection::Stopped),
                Err(Aborted::Cancelled) => return spawned.cancel(),
            };
            spawned.respond_with(result);
        });
    }

    /// Runs a method on a thread that may block, on a copy of its arguments.
    pub(crate) fn run_blocking<R: IntoResponse>(
        self,
        handler: impl FnOnce(OwnedRequest) -> Result<R, ArgumentError> + Send + 'static,
    ) {
        let shared = &self.head.context.shared;
        let Some(permit) = shared.handlers.try_acquire(HandlerKind::Blocking, self.head.origin) else {
            return self.refuse(&Rejection::Busy);
        };
        let owned = OwnedRequest::new(self.head.for_handler(&permit), self.arguments);
        let trace = self.trace();
        let spawned = self.into_spawned(trace, permit);
        spawn_blocking(&spawned.head.context.shared.runtime.clone(), move || {
            if spawned.head.is_expired() {
                return spawned.expire();
            }
            let run = || spawned.trace.in_scope(|| catch(|| handler(owned)));
            match spawned.permit.run_blocking(spawned.head.bounds(), run) {
                Ok(result) => spawned.respond_with(result),
                Err(Aborted::Cancelled) => spawned.cancel(),
                Err(Aborted::Closed | Aborted::TimedOut) => spawned.abort(),
            }
        });
    }

    /// Refuses the request. Duplicates of an at-most-once request are sent the same refusal.
    pub(crate) fn refuse(self, rejection: &Rejection) {
        self.write(|writer| writer.refuse(rejection));
    }

    /// Writes the response into the batch that leaves next, and stores it for duplicates of the
    /// request.
    fn write(self, write: impl FnOnce(&mut ResponseWriter<'_>) -> Outcome) {
        let Self { head, tracked, responses, counter, timing, clock, .. } = self;
        let handler_time = if head.has_trailer { clock.handler_time() } else { None };
        let mut outcome = None;
        let response = responses.write(head.context.sender, head.context.local, |out| {
            outcome = Some(write(&mut ResponseWriter::new(out, head, handler_time)));
        });
        let Some(outcome) = outcome else { return };
        timing.end(outcome);
        *counter = head.counter(outcome);
        if let Some(tracked) = tracked {
            tracked.end(&head.context.shared, outcome, response);
        }
    }

    pub(crate) fn into_spawned(self, trace: Trace, permit: HandlerPermit) -> SpawnedRequest {
        SpawnedRequest { head: self.head.clone(), tracked: self.tracked, timing: self.timing, trace, permit }
    }
}
