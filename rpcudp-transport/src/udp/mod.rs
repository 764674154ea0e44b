//! UDP on tokio through quinn-udp.

mod bound_socket;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod error_budget;
mod error_queue;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod multi_send;
mod multicast;
mod options;
mod pending_error;
mod receiver;
mod recv_mode;
mod segmentation;
mod send;
mod send_error;
mod socket_options;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod wake_flag;
mod watched_socket;

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use self::bound_socket::BoundSocket;
pub use self::options::UdpOptions;
use self::receiver::Receiver;
use crate::datagram::Datagram;
use crate::receive_batch::ReceiveBatch;
use crate::send_batch::SendBatch;
use crate::transport::Transport;

/// A UDP socket on tokio.
///
/// - One system call receives up to 32 buffers, each with as many datagrams as the kernel coalesced
///   (GRO). While datagrams arrive one by one, each is received with `recvfrom`, which is faster.
/// - On a host with several addresses, a response leaves from the address that the request was sent
///   to.
/// - A socket on `[::]` serves both families, and an IPv4 peer has an IPv4 address there too.
/// - One system call sends several datagrams of one length to one peer, if the kernel supports
///   segmentation (GSO). On Linux and Android, one system call also sends several such runs and
///   single datagrams, to different peers, of different lengths and from different addresses
///   (`sendmmsg`).
/// - On Linux and Android, a datagram to a closed port or an unreachable host is reported by
///   [`ReceiveBatch::unreachable`].
/// - On Linux, Android, FreeBSD and Apple's systems, a datagram larger than the path's MTU is
///   fragmented, so that an 8 KiB request crosses an Ethernet. Other systems may refuse such a
///   datagram as too large.
#[derive(Debug)]
pub struct Udp {
    socket: BoundSocket,
    receiver: Receiver,
}

impl Udp {
    /// Binds a socket. Port 0 takes a free port.
    ///
    /// # Errors
    ///
    /// Returns an error if the address is in use or not an address of this host, or if the port
    /// needs privileges.
    ///
    /// # Panics
    ///
    /// Panics outside the context of a tokio runtime with its I/O driver enabled.
    pub fn bind(addr: SocketAddr, options: &UdpOptions) -> io::Result<Self> {
        Self::from_socket(options::open(addr, options)?, options)
    }

    /// Binds several sockets to one address. The system divides the peers between them. Port 0
    /// takes a free port.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`bind`](Self::bind), and an error if `count` is above 1 and the
    /// system cannot share an address in this way (`SO_REUSEPORT`).
    ///
    /// # Panics
    ///
    /// Panics outside the context of a tokio runtime with its I/O driver enabled.
    pub fn bind_several(addr: SocketAddr, count: usize, options: &UdpOptions) -> io::Result<Vec<Self>> {
        if count < 2 {
            return Self::bind(addr, options).map(|one| vec![one]);
        }
        // The first is bound alone: sockets that may share an address may get the same free port,
        // and the system would divide the peers of one endpoint between it and another.
        let first = options::open(addr, options)?;
        options::share(&first)?;
        let first = Self::from_socket(first, options)?;
        let addr = first.local_addr();
        // Each socket that joins a group receives its datagrams.
        let options = options.without_memberships();
        let others = (1..count).map(|_| Self::from_socket(options::open_shared(addr)?, &options));
        std::iter::once(Ok(first)).chain(others).collect()
    }

    /// Takes over a bound socket, for example one that systemd passed to the application.
    ///
    /// # Errors
    ///
    /// Returns an error if the socket is not bound or refuses an option.
    ///
    /// # Panics
    ///
    /// Panics outside the context of a tokio runtime with its I/O driver enabled.
    pub fn from_socket(socket: std::net::UdpSocket, options: &UdpOptions) -> io::Result<Self> {
        let socket = BoundSocket::new(socket, options)?;
        let receiver = Receiver::new(&socket, options)?;
        Ok(Self { socket, receiver })
    }
}

impl Transport for Udp {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        self.receiver.poll_receive(&self.socket, cx, batch)
    }

    fn poll_arrival(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.receiver.poll_arrival(&self.socket, cx)
    }

    fn try_receive(&self, batch: &mut ReceiveBatch) -> io::Result<()> {
        self.receiver.try_receive(&self.socket, batch)
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        self.receiver.resume_errors(&self.socket);
        send::send_single(&self.socket, datagram)
    }

    /// Sends datagrams of one length to one peer as one segmented send, which the kernel or the
    /// network card splits, and several such sends with one system call.
    fn try_send_batch(&self, batch: &SendBatch, from: usize) -> io::Result<usize> {
        self.receiver.resume_errors(&self.socket);
        send::send_batch(&self.socket, batch, from)
    }

    /// Whether batches leave with segmented sends.
    fn gathers(&self) -> bool {
        self.socket.segmentation.is_on()
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.socket.poll_writable(cx)
    }

    fn local_addr(&self) -> SocketAddr {
        self.socket.local_addr
    }
}

#[cfg(test)]
mod tests;
