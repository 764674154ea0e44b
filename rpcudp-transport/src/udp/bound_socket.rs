use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::sync::atomic::AtomicBool;

use quinn_udp::UdpSocketState;

use super::options::{self, UdpOptions};
use super::segmentation::Segmentation;
use super::socket_options::{self, MIN_IPV6_MTU};
use super::watched_socket::WatchedSocket;
use crate::address;
use crate::datagram::{Datagram, MAX_DATAGRAM_LEN};

/// The largest segment of a segmented send: the MTU that every IPv6 link has, less the headers of
/// IPv6 and UDP.
pub(super) const MAX_SEGMENT_LEN: usize = MIN_IPV6_MTU as usize - 40 - 8;

/// The maximum length of a segmented send: the payload of one datagram over IPv4.
pub(super) const MAX_RUN_LEN: usize = MAX_DATAGRAM_LEN;

/// A configured socket that the runtime watches, and its properties that every send or receive
/// needs.
#[derive(Debug)]
pub(super) struct BoundSocket {
    pub(super) socket: Arc<WatchedSocket>,
    /// The batched operations that the kernel supports, and quinn-udp's means to use them.
    pub(super) state: UdpSocketState,
    pub(super) segmentation: Segmentation,
    /// Whether the kernel lacks `sendmmsg`.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) lacks_multi_send: AtomicBool,
    pub(super) local_addr: SocketAddr,
    /// The IP address that the socket is bound to; `None` if it is bound to all addresses of the
    /// host.
    pub(super) bound_ip: Option<IpAddr>,
}

impl BoundSocket {
    /// Configures a socket and registers it with the current runtime.
    pub(super) fn new(socket: UdpSocket, options: &UdpOptions) -> io::Result<Self> {
        let state = socket_options::prepare(&socket)?;
        options::apply(&socket, options)?;
        let local_addr = socket.local_addr()?;
        let socket = Arc::new(WatchedSocket::new(socket)?);
        let bound_ip = Some(local_addr.ip().to_canonical()).filter(|ip| !ip.is_unspecified());
        let segmentation = Segmentation::new(state.max_gso_segments());
        Ok(Self {
            socket,
            state,
            segmentation,
            #[cfg(any(target_os = "linux", target_os = "android"))]
            lacks_multi_send: AtomicBool::new(false),
            local_addr,
            bound_ip,
        })
    }

    /// Returns the source of a datagram in the form that the socket takes.
    pub(super) fn source(&self, source: Option<IpAddr>) -> Option<IpAddr> {
        // A socket that is bound to one address sends from no other.
        source.filter(|_| self.bound_ip.is_none()).and_then(|ip| address::source(ip, self.local_addr.is_ipv6()))
    }

    /// Whether a datagram may be a segment of a segmented send.
    ///
    /// A segment has to fit the MTU of its path, which is unknown here, and the kernel refuses a
    /// segment that does not. So only segments that fit every path are sent so.
    pub(super) fn fits_segment(&self, datagram: &Datagram<'_>) -> bool {
        let destination = datagram.destination.ip();
        // A socket on all IPv6 addresses fits its packets to every path, loopback included.
        let has_loopback_mtu = destination.is_loopback()
            && (destination.is_ipv4() || self.bound_ip.is_some_and(|bound| bound.is_loopback()));
        datagram.contents.len() <= MAX_SEGMENT_LEN || has_loopback_mtu
    }
}
