use std::time::Duration;

/// The policy of a peer that joins again after its session has ended, and that tries again if it
/// cannot join. For [`Join::rejoin`](super::Join::rejoin).
///
/// A session is joined again if its lease has expired, or if the server closes or restarts: not if
/// the server evicts or refuses the peer. The first attempts too are repeated, if the server cannot
/// be reached, is full or is closing.
///
/// ```
/// use std::time::Duration;
///
/// use rpcudp::session::Rejoin;
///
/// let policy = Rejoin::new().first_delay(Duration::from_millis(100)).max_delay(Duration::from_secs(10));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejoin {
    pub(super) first_delay: Duration,
    pub(super) max_delay: Duration,
    pub(super) max_attempts: u32,
}

impl Rejoin {
    /// Returns the default policy.
    #[must_use]
    pub fn new() -> Self {
        Self { first_delay: Duration::from_millis(250), max_delay: Duration::from_secs(30), max_attempts: u32::MAX }
    }

    /// Sets the delay before the first new attempt. Each further delay is twice the one before.
    /// Delays are up to a half shorter at random, so that the members of a server that restarts do
    /// not come together. Default: 250 ms.
    #[must_use]
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// Sets the longest delay. Default: 30 s.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets the number of attempts after which the session ends for good. Default: no limit.
    #[must_use]
    pub fn max_attempts(mut self, count: u32) -> Self {
        self.max_attempts = count;
        self
    }

    /// Returns the delay before an attempt, counted from 1.
    pub(super) fn delay(&self, attempt: u32, random: u64) -> Duration {
        let doubled = self.first_delay.saturating_mul(1 << attempt.saturating_sub(1).min(20)).min(self.max_delay);
        doubled.mul_f64(1.0 - 0.5 * (random >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

impl Default for Rejoin {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_are_shortened_at_random() {
        let policy = Rejoin::new().first_delay(Duration::from_millis(100)).max_delay(Duration::from_secs(1));
        assert_eq!(policy.delay(1, 0), Duration::from_millis(100));
        assert_eq!(policy.delay(3, 0), Duration::from_millis(400));
        assert_eq!(policy.delay(30, 0), Duration::from_secs(1));
        let shortest = policy.delay(30, u64::MAX);
        assert!(shortest >= Duration::from_millis(500) && shortest < Duration::from_millis(501), "{shortest:?}");
    }
}
