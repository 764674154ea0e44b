use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

use crate::datagram::MAX_DATAGRAM_LEN;

/// How well datagrams travel. The default is a network without fault: everything arrives, at once and in order.
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
    /// The chance that a datagram is lost, from 0 to 1. Default: 0.
    ///
    /// # Panics
    ///
    /// Where it is no probability.
    #[must_use]
    pub fn loss(mut self, probability: f64) -> Self {
        self.loss = checked(probability);
        self
    }

    /// The chance that a datagram arrives twice, from 0 to 1; the copy takes a time of its own. Default: 0.
    ///
    /// # Panics
    ///
    /// Where it is no probability.
    #[must_use]
    pub fn duplication(mut self, probability: f64) -> Self {
        self.duplication = checked(probability);
        self
    }

    /// The chance that a datagram is held back, by up to 10 ms and another latency, so that later ones overtake it.
    /// From 0 to 1. Default: 0.
    ///
    /// # Panics
    ///
    /// Where it is no probability.
    #[must_use]
    pub fn reordering(mut self, probability: f64) -> Self {
        self.reordering = checked(probability);
        self
    }

    /// How long a datagram travels at least, one way. Default: no time.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// How much longer than the latency a datagram may travel: each takes a time in between. Default: none.
    ///
    /// Where datagrams follow each other more closely than this, they overtake each other.
    #[must_use]
    pub fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// The largest datagram that arrives, in bytes of payload: larger ones vanish, as on a path that loses fragments.
    /// Default: 65,507, the largest that there is.
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

    /// How long a datagram travels, and whether it is held back.
    pub(super) fn travel_time(&self, rng: &mut StdRng) -> (Duration, bool) {
        let time = self.latency + up_to(self.jitter, rng);
        let held_back = rng.random_bool(self.reordering);
        let extra = if held_back { up_to(self.latency + HELD_BACK, rng) } else { Duration::ZERO };
        (time + extra, held_back)
    }
}

/// How long a datagram is held back even where latency is nothing: long enough for others to pass.
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
