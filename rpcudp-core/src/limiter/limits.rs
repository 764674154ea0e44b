use std::net::SocketAddr;

/// How much an endpoint does for whom it does not know.
///
/// A source is a prefix: an IPv4 address, or the /64 of an IPv6 address, which is what one host or household has. A source
/// is known for ten minutes after it has answered one of our calls: what is sent there arrives there, and nobody has forged
/// its address. Loopback addresses are exempt unless [`limit_loopback`](Self::limit_loopback) says otherwise.
///
/// The defaults are for the open internet: high enough for a busy node of a distributed hash table, and for a Python peer
/// that sends as fast as it can.
///
/// ```
/// use rpcudp::{Endpoint, Limits};
///
/// let limits = Limits::default().requests_per_source(1_000).response_bytes_per_source(100_000);
/// let builder = Endpoint::builder().limits(limits);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(super) requests_per_source: u32,
    pub(super) requests_from_unvalidated: u32,
    pub(super) response_bytes_per_source: u32,
    limits_loopback: bool,
    is_none: bool,
}

impl Limits {
    /// No limits: for a network whose members trust one another.
    #[must_use]
    pub fn none() -> Self {
        Self {
            requests_per_source: u32::MAX,
            requests_from_unvalidated: u32::MAX,
            response_bytes_per_source: u32::MAX,
            limits_loopback: false,
            is_none: true,
        }
    }

    /// How many requests a source may send in a second, known or not; as many may come at once. Default: 50,000.
    #[must_use]
    pub fn requests_per_source(mut self, per_second: u32) -> Self {
        self.requests_per_source = per_second;
        self.is_none = false;
        self
    }

    /// How many requests all sources that are not known may send in a second, together; as many may come at once. Default:
    /// 500,000.
    #[must_use]
    pub fn requests_from_unvalidated(mut self, per_second: u32) -> Self {
        self.requests_from_unvalidated = per_second;
        self.is_none = false;
        self
    }

    /// How many bytes of answers go to a source in a second that is not known; four times as many may go at once.
    /// Default: 1,048,576.
    ///
    /// Whoever forges a victim's address has this much sent to the victim, and no more.
    #[must_use]
    pub fn response_bytes_per_source(mut self, per_second: u32) -> Self {
        self.response_bytes_per_source = per_second;
        self.is_none = false;
        self
    }

    /// Whether loopback addresses are limited like others. Default: no.
    #[must_use]
    pub fn limit_loopback(mut self, limit: bool) -> Self {
        self.limits_loopback = limit;
        self
    }

    /// Whether they limit this source at all.
    #[must_use]
    pub fn applies_to(&self, source: SocketAddr) -> bool {
        !self.is_none && (self.limits_loopback || !source.ip().is_loopback())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_source: 50_000,
            requests_from_unvalidated: 500_000,
            response_bytes_per_source: 1 << 20,
            limits_loopback: false,
            is_none: false,
        }
    }
}
