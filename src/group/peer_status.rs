use std::net::SocketAddr;
use std::time::Duration;

/// A peer of a group, as [`Client::peers`](crate::Client::peers) lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerStatus {
    /// The address of the peer.
    pub addr: SocketAddr,
    /// The key that the peer must prove, if calls go over a link. `None` for a plain peer.
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    pub peer_id: Option<crate::PeerId>,
    /// Whether calls go to the peer.
    pub state: PeerState,
    /// The smoothed round trip, as [`Endpoint::round_trip`](crate::Endpoint::round_trip) returns
    /// it.
    pub round_trip: Option<Duration>,
    /// The smoothed time from request to response, with the time of the handlers. `None` if no call
    /// has measured it. Groups of one peer do not measure it, because they have no choice to make.
    pub response_time: Option<Duration>,
    /// Requests of the group in flight to the peer.
    pub in_flight: u64,
    /// Requests that the group has sent to the peer, without retransmissions.
    pub requests: u64,
    /// Requests that ended without a response, or with a report that the peer is unreachable.
    pub unanswered: u64,
    /// The time since the source of the group last named the peer. It grows while a source that
    /// refreshes its peers fails.
    pub age: Duration,
}

/// Whether calls to a group go to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerState {
    /// Calls go to the peer.
    Available,
    /// Calls avoid the peer, because five requests in a row had no response or the network reported
    /// it as unreachable.
    Ejected {
        /// The time until a call probes the peer. Zero if the next call does.
        remaining: Duration,
    },
    /// One call is probing the peer after an ejection, and other calls avoid it.
    Probing,
}
