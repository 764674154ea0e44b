use std::time::Duration;

/// When to send an unanswered request again: after an interval that doubles each time and varies by a quarter either
/// way, so that callers who lost their answers together do not come back together.
///
/// ```
/// use rpcudp_core::Backoff;
/// use std::time::Duration;
///
/// let mut backoff = Backoff::new(Duration::from_millis(200));
/// assert_eq!(backoff.next(u32::MAX / 2).as_millis(), 199);
/// assert_eq!(backoff.next(0).as_millis(), 300);
/// assert_eq!(backoff.next(u32::MAX).as_millis(), 1_000);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    interval: Duration,
}

impl Backoff {
    /// Where nothing is known of the peer: longer than a round trip around the world, and short enough for four
    /// resends within the default timeout of five seconds.
    pub const INITIAL: Duration = Duration::from_millis(250);

    /// Starts with this interval; a zero one becomes a millisecond.
    #[must_use]
    pub fn new(initial: Duration) -> Self {
        Self { interval: initial.max(Duration::from_millis(1)) }
    }

    /// How long to wait now. `random` is any number, each as likely as the others.
    pub fn next(&mut self, random: u32) -> Duration {
        let interval = self.interval;
        self.interval = interval.saturating_mul(2);
        // Three quarters and up to a half on top.
        let jitter = interval.as_nanos() / 2 * u128::from(random) / u128::from(u32::MAX);
        interval.saturating_sub(interval / 4).saturating_add(duration(jitter))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Self::INITIAL)
    }
}

fn duration(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn intervals_double_within_a_quarter(initial in 1_u64..10_000, randoms: [u32; 8]) {
            let mut backoff = Backoff::new(Duration::from_millis(initial));
            for (attempt, random) in randoms.into_iter().enumerate() {
                let nominal = Duration::from_millis(initial) * 2_u32.pow(attempt as u32);
                let interval = backoff.next(random);
                prop_assert!(interval >= nominal * 3 / 4 && interval <= nominal * 5 / 4);
            }
        }
    }

    #[test]
    fn an_interval_never_overflows() {
        let mut backoff = Backoff::new(Duration::MAX);
        assert!(backoff.next(u32::MAX) > Duration::from_secs(1));
        assert!(backoff.next(u32::MAX) > Duration::from_secs(1));
    }
}
