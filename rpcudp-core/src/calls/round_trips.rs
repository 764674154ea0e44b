use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::lru_map::{Recent, mixed};

/// How long answers of peers take, as RFC 6298 estimates it: when to take a request for lost.
///
/// Measured on calls that were sent once: which copy an answer is to, nobody can tell (Karn's algorithm). What a peer's
/// handler takes is part of it. 1,024 peers are remembered, in 49 KiB at the most.
#[derive(Debug)]
pub(crate) struct RoundTrips {
    peers: Recent<SocketAddr, Estimate>,
}

/// In microseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Estimate {
    /// Zero where nothing has been measured.
    smoothed: u32,
    variation: u32,
}

impl RoundTrips {
    const CAPACITY: usize = 1_024;

    /// An answer is not taken for late before this: a peer's scheduler may be as late by itself.
    const SHORTEST: Duration = Duration::from_millis(50);

    pub(crate) fn new() -> Self {
        // A peer that pushes others out makes their requests be sent again a little early or late: not worth a secret.
        Self { peers: Recent::new(Self::CAPACITY, 0) }
    }

    /// Notes how long an answer took.
    pub(crate) fn measured(&mut self, peer: SocketAddr, took: Duration) {
        let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX / 8).clamp(1, u32::MAX / 8);
        let estimate = self.peers.entry(peer, hash(peer), |_| false);
        if estimate.smoothed == 0 {
            *estimate = Estimate { smoothed: took, variation: took / 2 };
            return;
        }
        let Estimate { smoothed, variation } = *estimate;
        estimate.variation = variation - variation / 4 + smoothed.abs_diff(took) / 4;
        estimate.smoothed = (smoothed - smoothed / 8 + took / 8).max(1);
    }

    /// How long to wait for an answer before the request is sent again; `None` where nothing is known of the peer.
    pub(crate) fn timeout(&self, peer: SocketAddr) -> Option<Duration> {
        let Estimate { smoothed, variation } = *self.peers.get(peer, hash(peer))?;
        let timeout = Duration::from_micros(u64::from(smoothed) + 4 * u64::from(variation));
        Some(timeout.max(Self::SHORTEST))
    }
}

fn hash(peer: SocketAddr) -> u64 {
    let ip = match peer.ip() {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => mixed((ip.to_bits() >> 64) as u64) ^ ip.to_bits() as u64,
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
    fn memory_is_what_is_documented() {
        assert_eq!(RoundTrips::new().peers.len_in_bytes(), 49 << 10);
    }

    #[test]
    fn the_first_measurement_counts_threefold() {
        let mut round_trips = RoundTrips::new();
        assert_eq!(round_trips.timeout(peer(1)), None);
        round_trips.measured(peer(1), 100 * MS);
        assert_eq!(round_trips.timeout(peer(1)), Some(300 * MS));
        assert_eq!(round_trips.timeout(peer(2)), None);
    }

    #[test]
    fn steady_answers_bring_the_timeout_close_and_a_late_one_moves_it_off() {
        let mut round_trips = RoundTrips::new();
        (0..100).for_each(|_| round_trips.measured(peer(1), 100 * MS));
        let steady = round_trips.timeout(peer(1)).unwrap();
        assert!(steady >= 100 * MS && steady < 110 * MS, "{steady:?}");
        round_trips.measured(peer(1), 500 * MS);
        let shaken = round_trips.timeout(peer(1)).unwrap();
        assert!(shaken > 500 * MS && shaken < 600 * MS, "{shaken:?}");
    }

    #[test]
    fn extremes_stay_within_bounds() {
        let mut round_trips = RoundTrips::new();
        for took in [Duration::ZERO, Duration::MAX, Duration::ZERO, Duration::MAX] {
            round_trips.measured(peer(1), took);
            assert!(round_trips.timeout(peer(1)).unwrap() >= RoundTrips::SHORTEST);
        }
        (0..200).for_each(|_| round_trips.measured(peer(1), Duration::ZERO));
        assert_eq!(round_trips.timeout(peer(1)), Some(RoundTrips::SHORTEST));
    }
}
