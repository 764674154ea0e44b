use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::lru_map::{LruMap, mix};

/// Estimates of the round-trip times of peers by RFC 6298. They determine the time after which a
/// request is considered lost.
///
/// Only calls without retransmissions are measured, because a response does not show which
/// transmission it belongs to (Karn's algorithm). The time of the peer's handler is subtracted if
/// the peer reports it. Keeps 1,024 peers in at most 57 KiB.
#[derive(Debug)]
pub(crate) struct RoundTrips {
    peers: LruMap<SocketAddr, Estimate>,
}

/// An estimate in microseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Estimate {
    /// The smoothed round trip. Zero if there is no measurement.
    smoothed: u32,
    variation: u32,
    /// Consecutive calls that were retransmitted, and so measured nothing.
    unmeasured_count: u8,
    /// Whether the peer has sent more responses than calls since then: a retransmission was
    /// needless.
    has_duplicates: bool,
    /// The shortest time from the first transmission to the response, of these calls.
    min_elapsed: u32,
}

impl RoundTrips {
    const CAPACITY: usize = 1_024;

    /// The minimum timeout. The scheduler of a peer alone may delay a response by as much.
    const MIN_TIMEOUT: Duration = Duration::from_millis(50);

    /// The minimum distance between round trip and timeout, besides a quarter of the round trip.
    /// The variation of a steady path tends to zero, and a timeout without a margin would then
    /// retransmit half of all requests although no datagram is lost.
    const MIN_MARGIN: Duration = Duration::from_millis(10);

    /// Consecutive calls without a measurement after which the round trip may have become longer
    /// than the timeout.
    const MIN_UNMEASURED: u8 = 2;

    /// The number of doublings of the timeout without a measurement.
    const MAX_DOUBLINGS: u8 = 7;

    pub(crate) fn new() -> Self {
        // A peer that evicts others causes their requests to be retransmitted a little early or
        // late. Preventing that is not worth a secret.
        Self { peers: LruMap::new(Self::CAPACITY, 0) }
    }

    /// Records the round trip of a response to a call that was sent once.
    pub(crate) fn record(&mut self, peer: SocketAddr, round_trip: Duration) {
        let round_trip = micros(round_trip);
        let estimate = self.entry(peer);
        let Estimate { smoothed, variation, .. } = *estimate;
        *estimate = if smoothed == 0 {
            // A quarter, not the half of RFC 6298: a loss after the first call is noticed within
            // three round trips.
            Estimate { smoothed: round_trip, variation: round_trip / 4, ..Estimate::default() }
        } else {
            Estimate {
                smoothed: (smoothed - smoothed / 8 + round_trip / 8).max(1),
                variation: variation - variation / 4 + smoothed.abs_diff(round_trip) / 4,
                ..Estimate::default()
            }
        };
    }

    /// Records a response to a call that was retransmitted. It measures no round trip, but the time
    /// since the first transmission is an upper bound.
    ///
    /// If two such calls in a row had needless retransmissions, intervals rise above the shortest
    /// of these times until a call is measured. Otherwise a peer whose round trip has become longer
    /// than the timeout would never be measured again, and each call to it would be retransmitted.
    /// After an outage the times are long too, but no retransmission was needless.
    pub(crate) fn record_unmeasured(&mut self, peer: SocketAddr, elapsed: Duration) {
        let elapsed = micros(elapsed);
        let estimate = self.entry(peer);
        let is_first = estimate.unmeasured_count == 0;
        estimate.min_elapsed = if is_first { elapsed } else { estimate.min_elapsed.min(elapsed) };
        estimate.unmeasured_count = estimate.unmeasured_count.saturating_add(1);
    }

    /// Records a response that matches no call: a duplicate, if calls to the peer were
    /// retransmitted.
    pub(crate) fn record_duplicate(&mut self, peer: SocketAddr) {
        // Anyone may send such a response, so it makes no entry.
        if self.peers.get(peer, hash(peer)).is_some_and(|estimate| estimate.unmeasured_count > 0) {
            self.entry(peer).has_duplicates = true;
        }
    }

    /// Returns the retransmission timeout of a peer, and the minimum of all intervals to it.
    /// `default` is the timeout of an unmeasured peer.
    pub(crate) fn timeout(&self, peer: SocketAddr, default: Duration) -> (Duration, Duration) {
        let Some(&estimate) = self.peers.get(peer, hash(peer)) else { return (default, default) };
        let Estimate { smoothed, variation, unmeasured_count, has_duplicates, min_elapsed } = estimate;
        let timeout = if smoothed == 0 { default } else { with_margin(smoothed, variation) };
        if !has_duplicates || unmeasured_count < Self::MIN_UNMEASURED {
            return (timeout, timeout);
        }
        // Doubled with each call, because one call after an outage does not show a long round trip.
        let limit = timeout.saturating_mul(1 << unmeasured_count.saturating_sub(1).min(Self::MAX_DOUBLINGS));
        (timeout, timeout.max(with_margin(min_elapsed, 0)).min(limit))
    }

    /// Returns the smoothed round trip of a peer. `None` if there is no measurement.
    pub(crate) fn smoothed(&self, peer: SocketAddr) -> Option<Duration> {
        let estimate = self.peers.get(peer, hash(peer)).filter(|estimate| estimate.smoothed > 0)?;
        Some(Duration::from_micros(estimate.smoothed.into()))
    }

    fn entry(&mut self, peer: SocketAddr) -> &mut Estimate {
        self.peers.entry(peer, hash(peer), |_| false)
    }
}

/// Returns a round trip with the margin that keeps a path without loss free of retransmissions.
fn with_margin(round_trip: u32, variation: u32) -> Duration {
    let round_trip = Duration::from_micros(round_trip.into());
    let margin = Duration::from_micros(4 * u64::from(variation)).max(round_trip / 4 + RoundTrips::MIN_MARGIN);
    (round_trip + margin).max(RoundTrips::MIN_TIMEOUT)
}

/// Returns a duration in microseconds, bounded so that an estimate does not overflow.
fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX / 8).clamp(1, u32::MAX / 8)
}

fn hash(peer: SocketAddr) -> u64 {
    let ip = match peer.ip() {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => mix((ip.to_bits() >> 64) as u64) ^ ip.to_bits() as u64,
    };
    ip ^ u64::from(peer.port()) << 40
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const DEFAULT: Duration = Duration::from_millis(500);

    fn peer(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    fn timeout(round_trips: &RoundTrips, port: u16) -> Duration {
        round_trips.timeout(peer(port), DEFAULT).0
    }

    #[test]
    fn memory_is_as_documented() {
        assert_eq!(RoundTrips::new().peers.memory_len(), 57 << 10);
    }

    #[test]
    fn the_first_measurement_doubles_the_round_trip() {
        let mut round_trips = RoundTrips::new();
        assert_eq!(timeout(&round_trips, 1), DEFAULT);
        assert_eq!(round_trips.smoothed(peer(1)), None);
        round_trips.record(peer(1), 100 * MS);
        assert_eq!(timeout(&round_trips, 1), 200 * MS);
        assert_eq!(round_trips.smoothed(peer(1)), Some(100 * MS));
        assert_eq!(timeout(&round_trips, 2), DEFAULT);
    }

    #[test]
    fn the_timeout_of_a_steady_path_keeps_its_margin() {
        for millis in [1, 20, 48, 60, 100, 300] {
            let mut round_trips = RoundTrips::new();
            (0..1_000).for_each(|_| round_trips.record(peer(1), millis * MS));
            // The smoothed round trip is rounded down by up to 7 us at each step.
            let margin = timeout(&round_trips, 1) - millis * MS;
            assert!(margin >= millis * MS / 4 + 9 * MS, "{millis} ms: {margin:?}");
            assert!(margin <= 50 * MS + 2 * millis * MS, "{millis} ms: {margin:?}");
        }
    }

    #[test]
    fn a_late_response_extends_the_timeout() {
        let mut round_trips = RoundTrips::new();
        (0..100).for_each(|_| round_trips.record(peer(1), 100 * MS));
        round_trips.record(peer(1), 500 * MS);
        let shaken = timeout(&round_trips, 1);
        assert!(shaken > 500 * MS && shaken < 600 * MS, "{shaken:?}");
    }

    #[test]
    fn unmeasured_calls_raise_the_intervals_above_the_shortest_until_one_is_measured() {
        let mut round_trips = RoundTrips::new();
        round_trips.record_duplicate(peer(1));
        for (number, millis) in [700, 640, 800, 900].into_iter().enumerate() {
            round_trips.record_unmeasured(peer(1), millis * MS);
            round_trips.record_duplicate(peer(1));
            let expected = [500, 810, 810, 810][number];
            assert_eq!(round_trips.timeout(peer(1), DEFAULT), (DEFAULT, expected * MS), "{millis}");
        }
        round_trips.record(peer(1), 100 * MS);
        assert_eq!(timeout(&round_trips, 1), 200 * MS);
    }

    #[test]
    fn unmeasured_calls_without_duplicates_do_not_raise_the_intervals() {
        let mut round_trips = RoundTrips::new();
        round_trips.record(peer(1), 100 * MS);
        (0..10).for_each(|_| round_trips.record_unmeasured(peer(1), 900 * MS));
        assert_eq!(round_trips.timeout(peer(1), DEFAULT), (200 * MS, 200 * MS));
    }

    #[test]
    fn intervals_rise_by_doubling() {
        let mut round_trips = RoundTrips::new();
        round_trips.record(peer(1), 20 * MS);
        let minimums: Vec<_> = (0..9)
            .map(|_| {
                round_trips.record_unmeasured(peer(1), 900 * MS);
                round_trips.record_duplicate(peer(1));
                round_trips.timeout(peer(1), DEFAULT).1.as_millis()
            })
            .collect();
        assert_eq!(minimums, [50, 100, 200, 400, 800, 1_135, 1_135, 1_135, 1_135]);
    }

    #[test]
    fn extreme_measurements_stay_within_bounds() {
        let mut round_trips = RoundTrips::new();
        for round_trip in [Duration::ZERO, Duration::MAX, Duration::ZERO, Duration::MAX] {
            round_trips.record(peer(1), round_trip);
            assert!(timeout(&round_trips, 1) >= RoundTrips::MIN_TIMEOUT);
        }
        (0..200).for_each(|_| round_trips.record(peer(1), Duration::ZERO));
        assert_eq!(timeout(&round_trips, 1), RoundTrips::MIN_TIMEOUT);
    }
}
