use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn_udp::UdpSocketState;

use super::options::{self, UdpOptions};
use super::segmentation::Segmentation;
use super::socket_options;
use super::watched_socket::WatchedSocket;

/// A configured socket that the runtime watches, and its properties that every send or receive
/// needs.
#[derive(Debug)]
pub(super) struct BoundSocket {
    pub(super) socket: Arc<WatchedSocket>,
    /// The batched operations that the kernel supports, and quinn-udp's means to use them.
    pub(super) state: UdpSocketState,
    pub(super) segmentation: Segmentation,
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
        Ok(Self { socket, state, segmentation, local_addr, bound_ip })
    }
}
