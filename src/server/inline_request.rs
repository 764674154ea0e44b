use std::future::Future;

use rpcudp_core::codec::{ArgumentError, Arguments};
use rpcudp_core::contract::Delivery;
use rpcudp_core::{Counter, DropReason, Frame, Request, RequestKey, Seen, copy};
use rpcudp_transport::SendBatch;

use super::admitted_request::AdmittedRequest;
use super::context::Context;
use super::handler_time::BatchClock;
use super::owned_request::OwnedRequest;
use super::rejection::Rejection;
use super::request_head::{RequestHead, SessionCheck};
use super::response::{IntoResponse, ResponseWriter};
use super::tracked_request::TrackedRequest;
use crate::telemetry::metrics::RequestMeter;

/// A request on the receive loop, for a method that the router has found.
#[derive(Debug)]
pub(crate) struct InlineRequest<'a> {
    pub(crate) head: &'a RequestHead,
    pub(crate) request: &'a Request<'a>,
    pub(crate) datagram: &'a [u8],
    /// The responses that leave next.
    pub(crate) responses: &'a mut SendBatch,
    pub(crate) clock: &'a mut BatchClock,
    /// The place for the counter of the response, which is counted if the source's limits allow it.
    pub(crate) counter: &'a mut Option<Counter>,
    pub(crate) meter: RequestMeter,
}

impl<'a> InlineRequest<'a> {
    /// Runs a sync method at once, if the request is admitted.
    pub(crate) fn run<R: IntoResponse>(
        self,
        handler: impl FnOnce(&Context, &mut Arguments<'a>) -> Result<R, ArgumentError>,
    ) {
        if let Some(request) = self.admit(false) {
            request.run(handler);
        }
    }

    /// Runs an async method as a task, if the request is admitted.
    pub(crate) fn spawn<R, F>(self, handler: impl FnOnce(OwnedRequest) -> F + Send + 'static)
    where
        R: IntoResponse,
        F: Future<Output = Result<R, ArgumentError>> + Send + 'static,
    {
        if let Some(request) = self.admit(true) {
            request.spawn(handler);
        }
    }

    /// Runs a method on a thread that may block, if the request is admitted.
    pub(crate) fn run_blocking<R: IntoResponse>(
        self,
        handler: impl FnOnce(OwnedRequest) -> Result<R, ArgumentError> + Send + 'static,
    ) {
        if let Some(request) = self.admit(true) {
            request.run_blocking(handler);
        }
    }

    /// Drops a duplicate of a running request, responds to a duplicate of a finished one, and
    /// refuses other requests while the endpoint closes, or if their caller lacks the session that
    /// the method requires. Returns any other request, to be run.
    ///
    /// Duplicates come first: a caller must not be told that its method did not run while it runs.
    #[inline]
    pub(crate) fn admit(mut self, runs_elsewhere: bool) -> Option<AdmittedRequest<'a>> {
        let tracked =
            if TrackedRequest::is_needed(self.head.delivery, runs_elsewhere) { Some(self.track()?) } else { None };
        let Self { head, request, responses, counter, meter, clock, .. } = self;
        let (arguments, timing) = (request.arguments, meter.begin());
        let admitted = AdmittedRequest { head, arguments, tracked, responses, counter, timing, clock };
        if head.context.shared.lifecycle.is_closing() {
            admitted.refuse(&Rejection::Closing);
            return None;
        }
        if admitted.head.session == SessionCheck::Missing {
            admitted.refuse(&Rejection::NoSession);
            return None;
        }
        Some(admitted)
    }

    /// Responds to a duplicate of a request for a method whose service was removed: a caller must
    /// not be told that its method did not run while it runs, or after it has run. Returns `false`
    /// for any other request.
    pub(crate) fn handle_duplicate(mut self) -> bool {
        match self.track() {
            Some(tracked) => {
                self.head.context.shared.stored_responses().forget(tracked.key);
                false
            }
            None => true,
        }
    }

    /// Records the request as running. Handles a duplicate, and returns `None`.
    fn track(&mut self) -> Option<TrackedRequest> {
        let Self { head, request, datagram, responses, counter, .. } = self;
        let Context { shared, sender, local, id, link, .. } = &head.context;
        let source = head.context.source();
        let mut key = RequestKey::new(request, datagram, source, shared.request_secret);
        if link.is_some() {
            key = key.of_its_sender();
        }
        let tracked = TrackedRequest { key, delivery: head.delivery, arrived: head.arrived };
        let is_handled = match shared.stored_responses().begin(head.arrived, key, source) {
            Seen::Never => return Some(tracked),
            Seen::Running => {
                shared.counters.dropped(DropReason::DuplicateRequest);
                // A stream takes one frame in this direction before its items: the response.
                let has_stream = link.as_ref().is_some_and(|link| link.has_stream());
                if shared.config.dialect.has_running_frames() && !has_stream {
                    responses.write(*sender, *local, |out| Frame::encode_running(out, *id));
                    **counter = Some(Counter::RunningSent);
                }
                true
            }
            Seen::Other | Seen::Stored(b"") => {
                shared.counters.dropped(DropReason::DuplicateRequest);
                true
            }
            Seen::Stored(response) => {
                responses.write(*sender, *local, |out| copy::append(out, response));
                **counter = Some(Counter::RequestsReplayed);
                true
            }
            Seen::NotStored => false,
        };
        if is_handled { None } else { self.handle_not_stored(tracked) }
    }

    /// Refuses a duplicate of a request that has run, and whose response is not stored. Returns one
    /// that may run again.
    #[cold]
    fn handle_not_stored(&mut self, tracked: TrackedRequest) -> Option<TrackedRequest> {
        let Self { head, responses, counter, meter, .. } = self;
        let Context { shared, sender, local, .. } = &head.context;
        if tracked.delivery == Delivery::AtLeastOnce {
            shared.stored_responses().restart(head.arrived, tracked.key, head.context.source());
            return Some(tracked);
        }
        let timing = meter.begin();
        responses.write(*sender, *local, |out| {
            let outcome = ResponseWriter::new(out, head, None).refuse(&Rejection::AlreadyRan);
            timing.end(outcome);
            **counter = head.counter(outcome);
        });
        None
    }
}
