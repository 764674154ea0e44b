use std::time::{Duration, Instant};

use rpcudp_core::Counter;

/// A transmission of a request under a new message id.
pub(super) struct Launch {
    pub(super) at: Instant,
    /// The time until the call's deadline.
    pub(super) remaining: Duration,
    pub(super) waits_for_ready: bool,
    /// Whether the request is kept, so that the call may move to another member of its group.
    pub(super) keeps_request: bool,
    pub(super) counter: Counter,
}
