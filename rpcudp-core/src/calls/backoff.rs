use std::time::Duration;

/// The first interval for a peer without a round-trip estimate. It is longer than a round trip
/// around the world, and short enough for four retransmissions within the default timeout of five
/// seconds.
pub(crate) const INITIAL_INTERVAL: Duration = Duration::from_millis(250);

/// The maximum interval. A caller with a long timeout still notices soon that its peer is back.
const MAX_INTERVAL: Duration = Duration::from_secs(4);

/// The number of doublings. Eight times the response time of a peer is enough for a network to
/// recover.
const MAX_DOUBLINGS: u8 = 3;

/// Returns the time between an attempt and the next retransmission. The first attempt has number 0.
///
/// `first` is the first interval. `random` is a uniformly distributed number: intervals vary by a
/// quarter in both directions, so that callers that lost their responses together do not retransmit
/// together.
pub(crate) fn interval(first: Duration, attempt: u8, random: u32) -> Duration {
    let nominal = first.saturating_mul(1 << attempt.min(MAX_DOUBLINGS)).clamp(Duration::from_millis(1), MAX_INTERVAL);
    let micros = nominal.as_micros() as u64;
    // Three quarters of the nominal interval, plus up to a half of it.
    Duration::from_micros(micros * 3 / 4 + (micros * u64::from(random)).div_ceil(2 * u64::from(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn intervals_double_three_times() {
        let nominal = |attempt| interval(Duration::from_millis(100), attempt, u32::MAX / 2).as_millis();
        assert_eq!([0, 1, 2, 3, 4, 255].map(nominal), [100, 200, 400, 800, 800, 800]);
        let nominal = |attempt| interval(Duration::from_secs(1), attempt, u32::MAX / 2).as_secs();
        assert_eq!([0, 1, 2, 3].map(nominal), [1, 2, 4, 4]);
    }

    proptest! {
        #[test]
        fn intervals_vary_by_a_quarter(first in 1_u64..10_000, attempt: u8, random: u32) {
            let nominal = (Duration::from_millis(first) * (1 << attempt.min(3))).min(MAX_INTERVAL);
            let interval = interval(Duration::from_millis(first), attempt, random);
            prop_assert!(interval >= nominal * 3 / 4 && interval <= nominal * 5 / 4 + Duration::from_micros(1));
        }

        #[test]
        fn no_input_overflows(first: Duration, attempt: u8, random: u32) {
            prop_assert!(interval(first, attempt, random) <= MAX_INTERVAL * 2);
        }
    }
}
