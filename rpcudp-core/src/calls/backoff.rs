use std::time::Duration;

/// The first interval for a peer without a round-trip estimate. Longer than a round trip around the
/// world over satellites, so that the first call to a new peer is not retransmitted needlessly, and
/// short enough for three retransmissions within the default timeout of five seconds.
pub(crate) const INITIAL_INTERVAL: Duration = Duration::from_millis(500);

/// The part of a call's timeout that the first interval to such a peer may take. Without this
/// limit, a call with a timeout below the interval would be sent once. A smaller part would
/// retransmit needlessly if the timeout is not much longer than the round trip.
const TIMEOUT_PART: u32 = 2;

/// The minimum of the limit by [`TIMEOUT_PART`].
const MIN_INITIAL_INTERVAL: Duration = Duration::from_millis(50);

/// The maximum interval. A caller with a long timeout still notices soon that its peer is back.
pub(super) const MAX_INTERVAL: Duration = Duration::from_secs(4);

/// The longest interval after the peer has reported that the handler is running. The request has
/// arrived, so a retransmission only asks whether the server still lives and whether the response
/// was lost.
const RUNNING_INTERVAL: Duration = Duration::from_secs(3);

/// The part of the remaining time that such an interval may take. Without this limit, a call with
/// the default timeout would ask once, and fail if that one transmission or its response is lost.
const RUNNING_PART: u32 = 2;

/// The first interval after the peer has reported that it is not ready.
const NOT_READY_INTERVAL: Duration = Duration::from_millis(100);

/// The number of doublings. Four times the response time of a peer is enough for a network to
/// recover, and the retry budget bounds the retransmissions in an outage.
const MAX_DOUBLINGS: u8 = 2;

/// The part of the remaining time that an interval may take. Without this limit a call with the
/// default timeout would have too few transmissions to succeed if half of them are lost.
const REMAINING_PART: u32 = 8;

/// The number of doublings while a peer is not ready: up to 1.6 s.
const MAX_NOT_READY_DOUBLINGS: u8 = 4;

/// Returns the first interval of a call to a peer without a round-trip estimate: the configured
/// one, or less if the call's timeout is short.
pub(super) fn initial_interval(configured: Duration, timeout: Duration) -> Duration {
    configured.min((timeout / TIMEOUT_PART).max(MIN_INITIAL_INTERVAL))
}

/// Returns the time between an attempt and the next retransmission. The first attempt has number 0.
///
/// Intervals double up to four times the first. As the deadline nears, they shrink to the first
/// again. `minimum` is the minimum of all intervals, `remaining` the time until the deadline, and
/// `random` a uniformly distributed number.
pub(super) fn interval(first: Duration, minimum: Duration, attempt: u8, remaining: Duration, random: u32) -> Duration {
    let doubled = first.saturating_mul(1 << attempt.min(MAX_DOUBLINGS));
    let nominal = doubled.min(first.max(remaining / REMAINING_PART)).max(minimum);
    lengthen(nominal.clamp(Duration::from_millis(1), MAX_INTERVAL), random)
}

/// Returns the time until the next retransmission of a request whose handler is running. It is not
/// below four times the first interval of the peer, unless that is above the longest one.
pub(super) fn running_interval(first: Duration, remaining: Duration, random: u32) -> Duration {
    let shortest = first.saturating_mul(1 << MAX_DOUBLINGS);
    lengthen((remaining / RUNNING_PART).max(shortest).min(RUNNING_INTERVAL), random)
}

/// Returns the time until the next attempt after the peer was not ready for attempt number
/// `attempt`, counted from 0.
pub(super) fn not_ready_interval(attempt: u8, random: u32) -> Duration {
    lengthen(NOT_READY_INTERVAL * (1 << attempt.min(MAX_NOT_READY_DOUBLINGS)), random)
}

/// Lengthens an interval by up to a tenth, so that callers that lost their responses together do
/// not retransmit together. Never shortens it, because a retransmission before the timeout would be
/// needless on a path without loss.
pub(super) fn lengthen(nominal: Duration, random: u32) -> Duration {
    let micros = nominal.as_micros() as u64;
    Duration::from_micros(micros + (micros * u64::from(random)).div_ceil(10 * u64::from(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    #[test]
    fn short_timeout_shortens_the_first_interval() {
        let first = |timeout| initial_interval(INITIAL_INTERVAL, Duration::from_millis(timeout)).as_millis();
        assert_eq!([5_000, 1_000, 600, 300, 100, 0].map(first), [500, 500, 300, 150, 50, 50]);
        let configured = Duration::from_millis(10);
        assert_eq!(initial_interval(configured, Duration::from_millis(3)), configured);
    }

    #[test]
    fn intervals_double_twice() {
        let shortest = |attempt| interval(Duration::from_millis(100), Duration::ZERO, attempt, LONG, 0).as_millis();
        assert_eq!([0, 1, 2, 3, 4, 255].map(shortest), [100, 200, 400, 400, 400, 400]);
        let shortest = |attempt| interval(Duration::from_secs(2), Duration::ZERO, attempt, LONG, 0).as_secs();
        assert_eq!([0, 1, 2, 3].map(shortest), [2, 4, 4, 4]);
    }

    #[test]
    fn intervals_shrink_as_the_deadline_nears() {
        let shortest = |remaining| {
            interval(Duration::from_millis(100), Duration::ZERO, 9, Duration::from_millis(remaining), 0).as_millis()
        };
        assert_eq!([5_000, 3_200, 2_400, 800, 0].map(shortest), [400, 400, 300, 100, 100]);
    }

    #[test]
    fn no_interval_is_below_the_minimum() {
        let (first, minimum) = (Duration::from_millis(50), Duration::from_millis(250));
        let shortest = |attempt| interval(first, minimum, attempt, LONG, 0).as_millis();
        assert_eq!([0, 1, 2, 3].map(shortest), [250, 250, 250, 250]);
    }

    #[test]
    fn peers_that_are_not_ready_are_asked_less_and_less_often() {
        let shortest = |attempt| not_ready_interval(attempt, 0).as_millis();
        assert_eq!([0, 1, 2, 3, 4, 5, 255].map(shortest), [100, 200, 400, 800, 1_600, 1_600, 1_600]);
    }

    proptest! {
        #[test]
        fn intervals_are_lengthened_by_at_most_a_tenth(first in 1_u64..10_000, attempt: u8, random: u32) {
            let nominal = (Duration::from_millis(first) * (1 << attempt.min(2))).min(MAX_INTERVAL);
            let interval = interval(Duration::from_millis(first), Duration::ZERO, attempt, LONG, random);
            prop_assert!(interval >= nominal && interval <= nominal * 11 / 10 + Duration::from_micros(1));
        }

        #[test]
        fn no_input_overflows(first: Duration, minimum: Duration, attempt: u8, remaining: Duration, random: u32) {
            prop_assert!(interval(first, minimum, attempt, remaining, random) <= MAX_INTERVAL * 2);
        }
    }
}
