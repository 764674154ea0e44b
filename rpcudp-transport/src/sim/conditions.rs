use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

use crate::datagram::MAX_DATAGRAM_LEN;

/// The conditions that datagrams travel under. The default is a perfect network: every datagram
/// arrives at once and in order.
///
/// ```
/// use rpcudp::sim::Conditions;
/// use std::time::Duration;
///
/// let bad_wifi = Conditions::default()
///     .loss(0.1)
///     .latency(Duration::from_millis(20))
///     .jitter(Duration::from_millis(30))
///     .duplication(0.02)
///     .reordering(0.05);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    loss: f64,
    duplication: f64,
    reordering: f64,
    latency: Duration,
    jitter: Duration,
    mtu: usize,
}

impl Conditions {
    /// Sets the probability that a datagram is lost, from 0 to 1. Default: 0.
    ///
    /// # Panics
    ///
    /// Panics if `probability` is not between 0 and 1.
    #[must_use]
    pub fn loss(mut self, probability: f64) -> Self {
        self.loss = checked(probability);
        self
    }

    /// Sets the probability that a datagram is duplicated, from 0 to 1. Default: 0.
    ///
    /// The duplicate has its own travel time.
    ///
    /// # Panics
    ///
    /// Panics if `probability` is not between 0 and 1.
    #[must_use]
    pub fn duplication(mut self, probability: f64) -> Self {
        self.duplication = checked(probability);
        self
    }

    /// Sets the probability that a datagram is held back, from 0 to 1, so that later datagrams
    /// overtake it. Default: 0.
    ///
    /// The extra delay is at most 10 ms plus the latency.
    ///
    /// # Panics
    ///
    /// Panics if `probability` is not between 0 and 1.
    #[must_use]
    pub fn reordering(mut self, probability: f64) -> Self {
        self.reordering = checked(probability);
        self
    }

    /// Sets the minimum travel time of a datagram, one way. Default: zero.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Sets the maximum time that a datagram travels beyond the latency. Default: zero.
    ///
    /// Each datagram draws its extra time between zero and this. Datagrams that are sent closer
    /// together than this overtake each other.
    #[must_use]
    pub fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets the length of the largest datagram that arrives, in bytes of payload. Larger datagrams
    /// are dropped, as on a path that loses fragments. Default: 65,507, the maximum of UDP over
    /// IPv4.
    #[must_use]
    pub fn mtu(mut self, len: usize) -> Self {
        self.mtu = len;
        self
    }

    pub(super) fn carries(&self, len: usize) -> bool {
        len <= self.mtu
    }

    pub(super) fn loses(&self, rng: &mut StdRng) -> bool {
        rng.random_bool(self.loss)
    }

    pub(super) fn duplicates(&self, rng: &mut StdRng) -> bool {
        rng.random_bool(self.duplication)
    }

    /// Draws the travel time of a datagram, and returns whether it is held back as well.
    pub(super) fn travel_time(&self, rng: &mut StdRng) -> (Duration, bool) {
        let time = self.latency + up_to(self.jitter, rng);
        let held_back = rng.random_bool(self.reordering);
        let extra = if held_back { up_to(self.latency + HELD_BACK, rng) } else { Duration::ZERO };
        (time + extra, held_back)
    }
}

/// The part of the extra delay of a held-back datagram that does not depend on the latency: long
/// enough for later datagrams to overtake it even without latency.
const HELD_BACK: Duration = Duration::from_millis(10);

impl Default for Conditions {
    fn default() -> Self {
        Self {
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            mtu: MAX_DATAGRAM_LEN,
        }
    }
}

fn checked(probability: f64) -> f64 {
    assert!((0.0..=1.0).contains(&probability), "a probability lies between 0 and 1, not at {probability}");
    probability
}

fn up_to(limit: Duration, rng: &mut StdRng) -> Duration {
    limit.mul_f64(f64::from(rng.next_u32()) / f64::from(u32::MAX))
}
