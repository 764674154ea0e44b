use std::net::SocketAddr;

/// Limits on the work that an endpoint does for each source, enforced by token buckets.
///
/// A source is an IPv4 address, or the /64 prefix of an IPv6 address, which one host or household
/// has. A source is validated for ten minutes after it has responded to a call of this endpoint: it
/// receives datagrams at its address, so the address is not forged. Loopback addresses are exempt
/// unless [`limit_loopback`](Self::limit_loopback) is set.
///
/// The defaults suit the open internet. They are high enough for a busy node of a distributed hash
/// table, and for a Python peer that sends as fast as it can.
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
    pub(super) response_bytes_per_validated_source: u32,
    limits_loopback: bool,
    is_unlimited: bool,
}

impl Limits {
    /// Returns limits that admit everything, for a network of peers that trust one another.
    #[must_use]
    pub fn none() -> Self {
        Self {
            requests_per_source: u32::MAX,
            requests_from_unvalidated: u32::MAX,
            response_bytes_per_source: u32::MAX,
            response_bytes_per_validated_source: u32::MAX,
            limits_loopback: false,
            is_unlimited: true,
        }
    }

    /// Sets the number of requests per second that a source may send, validated or not. The burst
    /// is one second's worth. Default: 50,000.
    #[must_use]
    pub fn requests_per_source(mut self, per_second: u32) -> Self {
        self.requests_per_source = per_second;
        self.is_unlimited = false;
        self
    }

    /// Sets the number of requests per second that all unvalidated sources together may send. The
    /// burst is one second's worth. Default: 500,000.
    #[must_use]
    pub fn requests_from_unvalidated(mut self, per_second: u32) -> Self {
        self.requests_from_unvalidated = per_second;
        self.is_unlimited = false;
        self
    }

    /// Sets the number of response bytes per second that an unvalidated source may be sent. The
    /// burst is four seconds' worth. Default: 1,048,576.
    ///
    /// An attacker that forges a victim's address can direct at most this much traffic at the
    /// victim, however many other addresses it forges meanwhile. (Beyond 4,096 sources at a time,
    /// the responses to other sources may count towards the budget of a source: at the default
    /// rates 4 % of it.)
    #[must_use]
    pub fn response_bytes_per_source(mut self, per_second: u32) -> Self {
        self.response_bytes_per_source = per_second;
        self.is_unlimited = false;
        self
    }

    /// Sets the number of response bytes per second that a validated source may be sent. The burst
    /// is four seconds' worth. Default: 16,777,216.
    ///
    /// A peer that is validated can be a victim too: every node of a distributed hash table is
    /// validated by the nodes that call it. An attacker that forges such a peer's address can
    /// direct at most this much traffic at the peer.
    ///
    /// The default is sixteen times that of unvalidated sources, or 134 Mbit/s: 16,000 responses of
    /// 1 KiB per second to one peer, which is more than a busy node of a distributed hash table
    /// sends to all of its peers. Set more for peers that download from each other over a fast
    /// network, and `u32::MAX` for no limit.
    #[must_use]
    pub fn response_bytes_per_validated_source(mut self, per_second: u32) -> Self {
        self.response_bytes_per_validated_source = per_second;
        self.is_unlimited = false;
        self
    }

    /// Sets whether loopback addresses are limited like others. Default: no.
    #[must_use]
    pub fn limit_loopback(mut self, limit: bool) -> Self {
        self.limits_loopback = limit;
        self
    }

    /// Whether these limits apply to a source.
    #[must_use]
    pub fn applies_to(&self, source: SocketAddr) -> bool {
        !self.is_unlimited && (self.limits_loopback || !source.ip().is_loopback())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_source: 50_000,
            requests_from_unvalidated: 500_000,
            response_bytes_per_source: 1 << 20,
            response_bytes_per_validated_source: 16 << 20,
            limits_loopback: false,
            is_unlimited: false,
        }
    }
}
