use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::lru_map::{LruMap, mix};

/// Estimates of the round-trip times of peers by RFC 6298. They determine the time after which a
/// request is considered lost.
///
/// Only calls without retransmissions are measured, because a response does not show which
/// transmission it belongs to (Karn's algorithm). The time of the peer's handler is included. Keeps
/// 1,024 peers in at most 49 KiB.
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
}

impl RoundTrips {
    const CAPACITY: usize = 1_024;

    /// The minimum timeout. The scheduler of a peer alone may delay a response by as much.
    const MIN_TIMEOUT: Duration = Duration::from_millis(50);

    pub(crate) fn new() -> Self {
        // A peer that evicts others causes their requests to be retransmitted a little early or
        // late. Preventing that is not worth a secret.
        Self { peers: LruMap::new(Self::CAPACITY, 0) }
    }

    /// Records the round trip of a response.
    pub(crate) fn record(&mut self, peer: SocketAddr, round_trip: Duration) {
        let round_trip = u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX / 8).clamp(1, u32::MAX / 8);
        let estimate = self.peers.entry(peer, hash(peer), |_| false);
        if estimate.smoothed == 0 {
            *estimate = Estimate { smoothed: round_trip, variation: round_trip / 2 };
            return;
        }
        let Estimate { smoothed, variation } = *estimate;
        estimate.variation = variation - variation / 4 + smoothed.abs_diff(round_trip) / 4;
        estimate.smoothed = (smoothed - smoothed / 8 + round_trip / 8).max(1);
    }

    /// Returns the retransmission timeout of a peer. `None` if there is no measurement.
    pub(crate) fn timeout(&self, peer: SocketAddr) -> Option<Duration> {
        let Estimate { smoothed, variation } = *self.peers.get(peer, hash(peer))?;
        let timeout = Duration::from_micros(u64::from(smoothed) + 4 * u64::from(variation));
        Some(timeout.max(Self::MIN_TIMEOUT))
    }
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

    fn peer(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    #[test]
    fn memory_is_as_documented() {
        assert_eq!(RoundTrips::new().peers.memory_len(), 49 << 10);
    }

    #[test]
    fn first_measurement_gives_a_threefold_timeout() {
        let mut round_trips = RoundTrips::new();
        assert_eq!(round_trips.timeout(peer(1)), None);
        round_trips.record(peer(1), 100 * MS);
        assert_eq!(round_trips.timeout(peer(1)), Some(300 * MS));
        assert_eq!(round_trips.timeout(peer(2)), None);
    }

    #[test]
    fn steady_responses_shorten_the_timeout_and_a_late_one_extends_it() {
        let mut round_trips = RoundTrips::new();
        (0..100).for_each(|_| round_trips.record(peer(1), 100 * MS));
        let steady = round_trips.timeout(peer(1)).unwrap();
        assert!(steady >= 100 * MS && steady < 110 * MS, "{steady:?}");
        round_trips.record(peer(1), 500 * MS);
        let shaken = round_trips.timeout(peer(1)).unwrap();
        assert!(shaken > 500 * MS && shaken < 600 * MS, "{shaken:?}");
    }

    #[test]
    fn extreme_measurements_stay_within_bounds() {
        let mut round_trips = RoundTrips::new();
        for round_trip in [Duration::ZERO, Duration::MAX, Duration::ZERO, Duration::MAX] {
            round_trips.record(peer(1), round_trip);
            assert!(round_trips.timeout(peer(1)).unwrap() >= RoundTrips::MIN_TIMEOUT);
        }
        (0..200).for_each(|_| round_trips.record(peer(1), Duration::ZERO));
        assert_eq!(round_trips.timeout(peer(1)), Some(RoundTrips::MIN_TIMEOUT));
    }
}
