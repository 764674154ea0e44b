//! UDP on tokio through quinn-udp.

mod bound_socket;
mod error_queue;
mod options;
mod pending_error;
mod receiver;
mod recv_mode;
mod send;
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
use crate::send_batch::{Run, SendBatch};
use crate::transport::Transport;

/// A UDP socket on tokio.
///
/// - Receives up to 32 datagrams with one system call, and as many more as the kernel has coalesced; one by one, which is faster,
///   while they come so.
/// - An answer leaves from the address that was asked, on hosts that have several.
/// - A socket on `[::]` serves both families, and an IPv4 peer has an IPv4 address there too.
/// - Datagrams of one length to one peer leave with one system call, where the kernel can take them apart.
/// - On Linux and Android a datagram that comes back, because its port is closed or its host unreachable, is shown
///   ([`ReceiveBatch::unreachable`]).
/// - Datagrams larger than the path's MTU are fragmented rather than refused, so that an 8 KiB request crosses an
///   Ethernet. (Where the system allows setting that: Linux, Android, FreeBSD and Apple's systems. Elsewhere such a
///   datagram may be refused as too large.)
#[derive(Debug)]
pub struct Udp {
    socket: BoundSocket,
    receiver: Receiver,
}

impl Udp {
    /// Binds a socket; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Where the address is in use or not this host's, or a port needs privileges.
    ///
    /// # Panics
    ///
    /// Outside the context of a tokio runtime with its I/O driver enabled.
    pub fn bind(addr: SocketAddr, options: &UdpOptions) -> io::Result<Self> {
        Self::from_socket(options::open(addr)?, options)
    }

    /// Binds several sockets to one address, between which the system divides the peers; port 0 takes a free port.
    ///
    /// # Errors
    ///
    /// As for [`bind`](Self::bind), and for more than one where the system cannot share an address so (`SO_REUSEPORT`).
    ///
    /// # Panics
    ///
    /// As [`bind`](Self::bind) does.
    pub fn bind_several(addr: SocketAddr, count: usize, options: &UdpOptions) -> io::Result<Vec<Self>> {
        if count < 2 {
            return Self::bind(addr, options).map(|one| vec![one]);
        }
        let first = Self::from_socket(options::open_shared(addr)?, options)?;
        let addr = first.local_addr();
        let others = (1..count).map(|_| Self::from_socket(options::open_shared(addr)?, options));
        std::iter::once(Ok(first)).chain(others).collect()
    }

    /// Takes over a socket that is bound already, for example one that systemd passed on.
    ///
    /// # Errors
    ///
    /// Where the socket is not bound, or refuses its options.
    ///
    /// # Panics
    ///
    /// Outside the context of a tokio runtime with its I/O driver enabled.
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

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        send::send_run(&self.socket, &Run::single(datagram))
    }

    /// Datagrams of one length to one peer leave as one, which the kernel or the network card takes apart.
    fn try_send_batch(&self, batch: &SendBatch, from: usize) -> io::Result<usize> {
        send::send_batch(&self.socket, batch, from)
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
