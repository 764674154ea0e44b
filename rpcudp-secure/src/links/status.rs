use std::net::SocketAddr;
use std::time::Duration;

use crate::peer_id::PeerId;

/// A link that is up, as [`Links::statuses`](super::Links::statuses) lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkStatus {
    /// The key that the peer has proven.
    pub peer_id: PeerId,
    /// The peer's present address.
    pub addr: SocketAddr,
    /// Whether the peer's requests are served: it has opened the link, or
    /// [`LinkOptions::allow`](crate::LinkOptions::allow) allowed its key when the link came up.
    pub is_allowed: bool,
    /// The time that the handshake took. `None` for a link that the peer has opened.
    pub handshake: Option<Duration>,
    /// The time since the link came up.
    pub age: Duration,
    /// The time since the last frame in either direction.
    pub idle: Duration,
    /// The smoothed round trip of the link's packets, without the time of handlers.
    pub round_trip: Duration,
    /// The largest datagram that is sent, in bytes of UDP payload.
    pub mtu: u16,
    /// The bytes of UDP payload that were sent, with the handshake and all retransmissions.
    pub bytes_sent: u64,
    /// The bytes of UDP payload that were received, without the packet that opened the link.
    pub bytes_received: u64,
    /// The packets that were sent.
    pub packets_sent: u64,
    /// The packets among them that were lost, as far as the peer's acknowledgements show it.
    pub packets_lost: u64,
}
