use rpcudp_core::codec::ArgumentError;
use rpcudp_core::{Counter, DropReason};

use super::rejection::Rejection;
use super::request_head::RequestHead;
use super::response::{IntoResponse, ResponseWriter};
use super::tracked_request::TrackedRequest;
use crate::buffer_pool;
use crate::endpoint::handlers::HandlerPermit;
use crate::panic::Panicked;
use crate::telemetry::metrics::RequestTiming;
use crate::telemetry::outcome::Outcome;
use crate::telemetry::trace::Trace;

/// A request whose handler runs as a task, or on a thread that may block.
pub(crate) struct SpawnedRequest {
    pub(crate) head: RequestHead,
    pub(crate) tracked: Option<TrackedRequest>,
    pub(crate) timing: RequestTiming,
    pub(crate) trace: Trace,
    pub(crate) permit: HandlerPermit,
}

impl SpawnedRequest {
    /// Sends the response, and stores it for duplicates of the request.
    pub(crate) fn respond(self, outcome: Outcome, response: Vec<u8>) {
        // The permit is dropped last, when no other part of the request is left.
        let Self { mut permit, head, tracked, timing, trace } = self;
        timing.end(outcome);
        trace.end(outcome.span_label(), None);
        let last_sender = tracked.and_then(|tracked| tracked.end(&head.context.shared, outcome, &response));
        permit.make_room();
        head.send_response(head.counter(outcome), &response, last_sender.unwrap_or(head.context.sender));
        buffer_pool::give(response);
    }

    /// Responds with the handler's result.
    pub(crate) fn respond_with<R: IntoResponse>(self, result: Result<Result<R, ArgumentError>, Panicked>) {
        let mut response = buffer_pool::take();
        let outcome = ResponseWriter::new(&mut response, &self.head, self.head.handler_time()).finish(result);
        self.respond(outcome, response);
    }

    /// Refuses the request. Duplicates of an at-most-once request are sent the same refusal.
    pub(crate) fn refuse(self, rejection: &Rejection) {
        let mut response = buffer_pool::take();
        let outcome = ResponseWriter::new(&mut response, &self.head, self.head.handler_time()).refuse(rejection);
        self.respond(outcome, response);
    }

    /// Drops the request because its deadline had passed before the method ran. Duplicates of an
    /// at-most-once request do not run either.
    pub(crate) fn expire(self) {
        let shared = &self.head.context.shared;
        shared.counters.dropped(DropReason::Expired);
        if let Some(tracked) = self.tracked {
            tracked.expire(shared);
        }
    }

    /// Ends the request because its caller has cancelled it, and its handler was dropped or has not
    /// begun. Duplicates that arrive later do not run.
    pub(crate) fn cancel(self) {
        let shared = &self.head.context.shared;
        shared.counters.add(Counter::RequestsCancelled, 1);
        self.timing.end(Outcome::Cancelled);
        self.trace.end(Outcome::Cancelled.span_label(), None);
        if let Some(tracked) = self.tracked {
            tracked.expire(shared);
        }
    }

    /// Counts the request as aborted: the endpoint closed while the handler ran.
    pub(crate) fn abort(self) {
        if let Some(link) = &self.head.context.link {
            link.abort();
        }
        self.timing.end(Outcome::Aborted);
    }
}
