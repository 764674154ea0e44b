//! Duplicates of requests: the ones that must not run, and their responses.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rpcudp_core::contract::Delivery;
use rpcudp_core::{RefusalKind, RequestKey};

use crate::clock::now;
use crate::endpoint::shared::Shared;
use crate::telemetry::outcome::Outcome;

/// A request that was recorded as running, so that its duplicates do not run.
///
/// At-most-once requests are recorded, and so are at-least-once requests whose handler runs as a
/// task or on another thread. An inline handler has ended before its driver receives a duplicate.
#[derive(Clone, Copy, Debug)]
#[must_use = "a request that is not ended is recorded as running for ever"]
pub(crate) struct TrackedRequest {
    pub(crate) key: RequestKey,
    pub(crate) delivery: Delivery,
    /// The time at which the request was received.
    pub(crate) arrived: Instant,
}

impl TrackedRequest {
    /// The time after which an at-least-once handler is slow. The caller's timeout exceeds the
    /// round trip by as little, so that a duplicate may arrive after the handler has ended.
    const SLOW: Duration = Duration::from_millis(10);

    /// Returns whether a request of this delivery is tracked.
    pub(crate) fn is_needed(delivery: Delivery, runs_elsewhere: bool) -> bool {
        match delivery {
            Delivery::AtMostOnce => true,
            Delivery::AtLeastOnce => runs_elsewhere,
            _ => false,
        }
    }

    /// Records the end of the request. Stores its response if the method is at-most-once, or if it
    /// is at-least-once and its handler was slow: duplicates of quick requests run again. Returns
    /// the sender of the last duplicate.
    ///
    /// The refusal of malformed arguments is not stored: a duplicate is refused as well.
    pub(crate) fn end(self, shared: &Shared, outcome: Outcome, response: &[u8]) -> Option<SocketAddr> {
        let is_malformed = outcome == Outcome::Refused(RefusalKind::MalformedArguments);
        let now = now();
        let is_stored = self.delivery == Delivery::AtMostOnce || now >= self.arrived + Self::SLOW;
        if is_stored && !is_malformed {
            shared.stored_responses().finish(now, self.key, response)
        } else {
            shared.stored_responses().forget(self.key)
        }
    }

    /// Records that the request has ended without a response: its deadline had passed before the
    /// method ran, or its caller has cancelled it.
    pub(crate) fn expire(self, shared: &Shared) {
        self.end(shared, Outcome::Aborted, b"");
    }
}
