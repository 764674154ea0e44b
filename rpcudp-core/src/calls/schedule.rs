use std::time::Instant;

/// The times of a call: transmission, retransmission and deadline.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The time at which the request is sent: now.
    pub sent: Instant,
    /// The time at which the call ends without a response.
    pub deadline: Instant,
    /// Whether the request is retransmitted until the deadline.
    pub retransmits: bool,
    /// Whether the request is sent again, at a slower pace, if the peer is not ready: unreachable,
    /// busy or closing. See
    /// [`Calls::waits_for_ready`](super::Calls::waits_for_ready).
    pub waits_for_ready: bool,
}
