use serde::{Deserialize, Serialize};

/// The counts of an endpoint's links.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct LinkCounts {
    /// The handshakes under way that peers have begun.
    pub(super) handshaking: u64,
    /// The links that are up.
    pub(super) up: u64,
    /// The links that came up.
    pub(super) established: u64,
    /// The handshakes that failed.
    pub(super) failed: u64,
    /// The links that were closed because there were too many.
    pub(super) evicted: u64,
    /// The handshakes that were answered with a Retry.
    pub(super) retried: u64,
    /// The datagrams that were ignored.
    pub(super) ignored: u64,
}

/// The links of the endpoint during a flood. Rates are per second.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct LinkFigures {
    /// The maximum number of handshakes under way.
    pub(super) handshaking: u64,
    /// The links that were up at the end.
    pub(super) up: u64,
    pub(super) established: f64,
    pub(super) failed: f64,
    pub(super) evicted: f64,
    pub(super) retried: f64,
    pub(super) ignored: f64,
    /// The bytes sent to forged addresses, divided by those received from them.
    pub(super) amplification: f64,
}

impl LinkFigures {
    /// Computes the figures of a window of this many seconds.
    pub(super) fn between(begin: &LinkCounts, end: &LinkCounts, handshaking: u64, seconds: f64) -> Self {
        let per_second = |count: fn(&LinkCounts) -> u64| (count(end) - count(begin)) as f64 / seconds;
        Self {
            handshaking,
            up: end.up,
            established: per_second(|counts| counts.established),
            failed: per_second(|counts| counts.failed),
            evicted: per_second(|counts| counts.evicted),
            retried: per_second(|counts| counts.retried),
            ignored: per_second(|counts| counts.ignored),
            amplification: 0.0,
        }
    }
}
