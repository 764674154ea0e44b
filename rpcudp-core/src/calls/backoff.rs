use std::time::Duration;

/// Where nothing is known of the peer: longer than a round trip around the world, and short enough for four resends
/// within the default timeout of five seconds.
pub(crate) const FIRST_INTERVAL: Duration = Duration::from_millis(250);

/// What an interval does not grow beyond: a patient caller still notices soon that its peer is back.
const LONGEST: Duration = Duration::from_secs(4);

/// How often an interval doubles: eight times what a peer takes is long enough for a network to recover.
const MAX_DOUBLINGS: u8 = 3;

/// How long to wait after an attempt, the first of which is number zero, before the request is sent again.
///
/// `first` is what the first interval lasts, and `random` any number, each as likely as the others: intervals vary by a
/// quarter either way, so that callers who lost their answers together do not come back together.
pub(crate) fn interval(first: Duration, attempt: u8, random: u32) -> Duration {
    let nominal = first.saturating_mul(1 << attempt.min(MAX_DOUBLINGS)).clamp(Duration::from_millis(1), LONGEST);
    let micros = nominal.as_micros() as u64;
    // Three quarters, and up to a half on top.
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
            let nominal = (Duration::from_millis(first) * (1 << attempt.min(3))).min(LONGEST);
            let interval = interval(Duration::from_millis(first), attempt, random);
            prop_assert!(interval >= nominal * 3 / 4 && interval <= nominal * 5 / 4 + Duration::from_micros(1));
        }

        #[test]
        fn nothing_overflows(first: Duration, attempt: u8, random: u32) {
            prop_assert!(interval(first, attempt, random) <= LONGEST * 2);
        }
    }
}
