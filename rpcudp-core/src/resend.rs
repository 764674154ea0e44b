use std::num::NonZeroU32;
use std::time::Duration;

/// When to send an unanswered request again: after an interval that doubles each time, up to
/// [`LONGEST`](Self::LONGEST), and varies by a quarter either way, so that callers who lost their answers together do
/// not come back together.
///
/// ```
/// use rpcudp_core::Backoff;
/// use std::time::Duration;
///
/// let mut backoff = Backoff::new(Duration::from_millis(200));
/// assert_eq!(backoff.next(u32::MAX / 2).as_millis(), 200);
/// assert_eq!(backoff.next(0).as_millis(), 300);
/// assert_eq!(backoff.next(u32::MAX).as_millis(), 1_000);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    // As many of them wait as calls do.
    millis: NonZeroU32,
}

impl Backoff {
    /// Where nothing is known of the peer: longer than a round trip around the world, and short enough for four
    /// resends within the default timeout of five seconds.
    pub const INITIAL: Duration = Duration::from_millis(250);

    /// What an interval does not grow beyond: a patient caller still notices soon that its peer is back.
    pub const LONGEST: Duration = Duration::from_secs(4);

    /// Starts with this interval: at least a millisecond, at most [`LONGEST`](Self::LONGEST).
    #[must_use]
    pub fn new(initial: Duration) -> Self {
        let millis = initial.min(Self::LONGEST).as_millis() as u32;
        Self { millis: NonZeroU32::new(millis).unwrap_or(NonZeroU32::MIN) }
    }

    /// How long to wait now. `random` is any number, each as likely as the others.
    pub fn next(&mut self, random: u32) -> Duration {
        let micros = u64::from(self.millis.get()) * 1_000;
        *self = Self::new(Duration::from_micros(2 * micros));
        // Three quarters, and up to a half on top.
        let varied = (micros * u64::from(random)).div_ceil(2 * u64::from(u32::MAX));
        Duration::from_micros(micros * 3 / 4 + varied)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Self::INITIAL)
    }
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
                let nominal = (Duration::from_millis(initial) * 2_u32.pow(attempt as u32)).min(Backoff::LONGEST);
                let interval = backoff.next(random);
                prop_assert!(interval >= nominal * 3 / 4 && interval <= nominal * 5 / 4);
            }
        }
    }
}
