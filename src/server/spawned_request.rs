use super::request_head::RequestHead;
use crate::buffer_pool;
use crate::endpoint::handlers::HandlerPermit;
use crate::telemetry::metrics::RequestTiming;
use crate::telemetry::outcome::Outcome;
use crate::telemetry::trace::Trace;

/// A request whose handler runs as a task.
pub(crate) struct SpawnedRequest {
    pub(crate) head: RequestHead,
    pub(crate) timing: RequestTiming,
    pub(crate) trace: Trace,
    pub(crate) permit: HandlerPermit,
}

impl SpawnedRequest {
    /// Sends the response, and stores it for duplicates of the request.
    pub(crate) fn respond(self, outcome: Outcome, response: Vec<u8>) {
        let Self { head, timing, trace, permit: _permit } = self;
        timing.end(outcome);
        trace.end(outcome.span_label(), None);
        head.store_response(&response);
        head.send_response(&response);
        buffer_pool::give(response);
    }

    /// Drops the request because its deadline had passed before the method ran.
    pub(crate) fn expire(self) {
        self.head.expire();
    }

    /// Counts the request as aborted: the endpoint closed while the handler ran.
    pub(crate) fn abort(self) {
        self.timing.end(Outcome::Aborted);
    }
}
