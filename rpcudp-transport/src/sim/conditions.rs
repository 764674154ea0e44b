use std::time::Duration;

use crate::datagram::MAX_DATAGRAM_LEN;

/// The conditions that datagrams travel under. The default is a perfect network: every datagram
/// arrives at once and in order.
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
/// let old_dsl = Conditions::default()
///     .latency(Duration::from_millis(15))
///     .rate(125_000, 32_000)
///     .fragments(1_472)
///     .burst_loss(0.001, 0.2, 0.8)
///     .route_changes(Duration::from_secs(60), Duration::from_millis(40));
/// ```
///
/// All lengths are those of a datagram's payload, as the endpoint sends it. The headers of UDP and
/// IP do not count: they would add 28 bytes to each packet over IPv4 and 48 over IPv6.
///
/// A datagram passes the conditions in this order: the MTU, the queue of the rate, loss,
/// duplication, travel time. Each direction of each pair of hosts is a link with a queue, a burst
/// and a route of its own, also if the conditions are those of the whole network.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    pub(super) loss: f64,
    pub(super) burst: Option<Burst>,
    pub(super) duplication: f64,
    pub(super) reordering: f64,
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    pub(super) routes: Option<Routes>,
    pub(super) rate: Option<Rate>,
    pub(super) fragment_len: usize,
    pub(super) mtu: usize,
}

/// Bursts of loss, by the model of Gilbert and Elliott.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Burst {
    pub(super) enter: f64,
    pub(super) leave: f64,
    pub(super) loss: f64,
}

/// The bandwidth of a link, and its queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    pub(super) bytes_per_second: u64,
    pub(super) queue_bytes: usize,
}

/// Two routes that a link changes between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Routes {
    pub(super) interval: Duration,
    pub(super) extra_latency: Duration,
}

impl Conditions {
    /// Sets the probability that a datagram is lost, from 0 to 1. Default: 0.
    ///
    /// # Panics
    ///
    /// Panics if `probability` is not between 0 and 1.
    #[must_use]
    pub fn loss(mut self, probability: f64) -> Self {
        self.loss = checked(probability);
        self
    }

    /// Sets bursts of loss, by the model of Gilbert and Elliott. Default: no bursts.
    ///
    /// A link is either in a burst or outside. Each datagram, or each fragment of a datagram, may
    /// change that before it travels: outside, a burst begins with the probability `enter`; inside,
    /// the burst ends with the probability `leave`. Then the datagram is lost with the probability
    /// `loss_in_burst` in a burst, and with that of [`loss`](Self::loss) outside. So a burst lasts
    /// `1 / leave` datagrams on average, and the share of datagrams in bursts is
    /// `enter / (enter + leave)`.
    ///
    /// The state changes with datagrams and not with time: a burst on a silent link waits for the
    /// next datagrams. For an outage of some seconds, set other conditions or a partition.
    ///
    /// # Panics
    ///
    /// Panics if a probability is not between 0 and 1.
    #[must_use]
    pub fn burst_loss(mut self, enter: f64, leave: f64, loss_in_burst: f64) -> Self {
        self.burst = Some(Burst { enter: checked(enter), leave: checked(leave), loss: checked(loss_in_burst) });
        self
    }

    /// Sets the probability that a datagram is duplicated, from 0 to 1. Default: 0.
    ///
    /// The duplicate has its own travel time.
    ///
    /// # Panics
    ///
    /// Panics if `probability` is not between 0 and 1.
    #[must_use]
    pub fn duplication(mut self, probability: f64) -> Self {
        self.duplication = checked(probability);
        self
    }

    /// Sets the probability that a datagram is held back, from 0 to 1, so that later datagrams
    /// overtake it. Default: 0.
    ///
    /// The extra delay is at most 10 ms plus the latency.
    ///
    /// # Panics
    ///
    /// Panics if `probability` is not between 0 and 1.
    #[must_use]
    pub fn reordering(mut self, probability: f64) -> Self {
        self.reordering = checked(probability);
        self
    }

    /// Sets the minimum travel time of a datagram, one way. Default: zero.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Sets the maximum time that a datagram travels beyond the latency. Default: zero.
    ///
    /// Each datagram draws its extra time between zero and this. Datagrams that are sent closer
    /// together than this overtake each other.
    #[must_use]
    pub fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets a second route that takes `extra_latency` longer. The link changes between the two at
    /// random times, every `interval` on average. Default: one route.
    ///
    /// After a change back to the short route, datagrams overtake the ones on the long route. To
    /// change the route at a time of your choice, set other conditions for the link:
    /// [`Network::set_link`](super::Network::set_link).
    ///
    /// # Panics
    ///
    /// Panics if `interval` is zero.
    #[must_use]
    pub fn route_changes(mut self, interval: Duration, extra_latency: Duration) -> Self {
        assert!(!interval.is_zero(), "the interval of route changes is longer than zero");
        self.routes = Some(Routes { interval, extra_latency });
        self
    }

    /// Sets the bandwidth of the link, and the length of its drop-tail queue. Default: unlimited.
    ///
    /// The link transmits one datagram after the other, and each takes its length divided by
    /// `bytes_per_second`. A datagram that finds the link busy waits in the queue. It is dropped if
    /// the bytes that are not transmitted yet and its own are more than `queue_bytes`. An idle link
    /// accepts a datagram of any length.
    ///
    /// The queue delays a datagram by at most `queue_bytes / bytes_per_second`: 32,000 bytes at
    /// 125,000 bytes per second (1 Mbit/s) are 256 ms.
    ///
    /// # Panics
    ///
    /// Panics if `bytes_per_second` is zero.
    #[must_use]
    pub fn rate(mut self, bytes_per_second: u64, queue_bytes: usize) -> Self {
        assert!(bytes_per_second > 0, "a rate is at least one byte per second");
        self.rate = Some(Rate { bytes_per_second, queue_bytes });
        self
    }

    /// Sets the length above which a datagram travels in fragments, in bytes of payload. Default:
    /// no datagram is fragmented.
    ///
    /// A datagram of `len` bytes makes `len / mtu` fragments, rounded up. Each is queued and lost
    /// by itself, and the datagram is lost if one of its fragments is: at 5 % loss and 1,472 bytes
    /// (Ethernet over IPv4), 88 % of all datagrams of 60,000 bytes are lost.
    ///
    /// See [`mtu`](Self::mtu) for a path that drops all fragments.
    ///
    /// # Panics
    ///
    /// Panics if `mtu` is zero.
    #[must_use]
    pub fn fragments(mut self, mtu: usize) -> Self {
        assert!(mtu > 0, "a fragment has at least one byte");
        self.fragment_len = mtu;
        self
    }

    /// Sets the length of the largest datagram that arrives, in bytes of payload. Larger datagrams
    /// are dropped, as on a path that loses fragments. Default: 65,507, the maximum of UDP over
    /// IPv4.
    #[must_use]
    pub fn mtu(mut self, len: usize) -> Self {
        self.mtu = len;
        self
    }
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            loss: 0.0,
            burst: None,
            duplication: 0.0,
            reordering: 0.0,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            routes: None,
            rate: None,
            fragment_len: usize::MAX,
            mtu: MAX_DATAGRAM_LEN,
        }
    }
}

fn checked(probability: f64) -> f64 {
    assert!((0.0..=1.0).contains(&probability), "a probability lies between 0 and 1, not at {probability}");
    probability
}
