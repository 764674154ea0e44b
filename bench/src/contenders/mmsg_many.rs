//! The kernel's ceiling for datagrams to many peers: `mmsg` without connected sockets.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};

use super::mmsg::BATCH_LEN;
use super::windowed::{self, BulkSocket};
use crate::measuring::{BoxError, Cell, Measured, loopback_socket_at};

/// Measures this ceiling with peers that have these addresses and one port, which the server binds
/// on all addresses of the host.
///
/// The server responds from any of its addresses. A peer responds from its own, which takes longer.
///
/// # Errors
///
/// Returns an error if a socket cannot be set up, or fails.
pub(crate) fn run(cell: Cell, peers: &[Ipv4Addr]) -> Result<Measured, BoxError> {
    let [client, server] = [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED].map(|ip| {
        let socket: UdpSocket = loopback_socket_at(ip)?.into();
        socket.set_read_timeout(Some(windowed::LOST_AFTER))?;
        io::Result::Ok(socket)
    });
    let (client, server) = (client?, server?);
    let port = server.local_addr()?.port();
    let peers: Arc<[_]> = peers.iter().map(|ip| SockaddrIn::from(SocketAddrV4::new(*ip, port))).collect();
    windowed::run(
        cell,
        BATCH_LEN,
        || UnconnectedSocket::new(client, cell.size, peers),
        || UnconnectedSocket::new(server, cell.size, Arc::default()),
    )
}

/// The address of a datagram, as `sendmmsg` takes it.
type Addr = Option<SockaddrIn>;

struct UnconnectedSocket {
    socket: UdpSocket,
    size: usize,
    received: MultiHeaders<SockaddrIn>,
    sent: MultiHeaders<SockaddrIn>,
    /// The destinations of a client, in turn. A server has none, and responds to the senders.
    peers: Arc<[SockaddrIn]>,
    next: usize,
    /// The senders of the datagrams that were received last.
    senders: Vec<Addr>,
}

impl UnconnectedSocket {
    fn new(socket: UdpSocket, size: usize, peers: Arc<[SockaddrIn]>) -> Self {
        let [received, sent] = [(); 2].map(|()| MultiHeaders::preallocate(BATCH_LEN, None));
        Self { socket, size, received, sent, peers, next: 0, senders: Vec::new() }
    }
}

impl BulkSocket for UnconnectedSocket {
    fn send(&mut self, datagrams: &[u8]) -> io::Result<()> {
        let mut slices: Vec<_> = datagrams.chunks_exact(self.size).map(|datagram| [IoSlice::new(datagram)]).collect();
        let mut addrs = mem::take(&mut self.senders);
        if !self.peers.is_empty() {
            let in_turn = self.peers.iter().cycle().skip(self.next).take(slices.len());
            addrs = in_turn.copied().map(Some).collect();
            self.next = (self.next + slices.len()) % self.peers.len();
        }
        while !slices.is_empty() {
            let flags = MsgFlags::empty();
            let sent = sendmmsg(self.socket.as_raw_fd(), &mut self.sent, &slices, &addrs, [], flags)?.count();
            slices.drain(..sent);
            addrs.drain(..sent);
        }
        Ok(())
    }

    fn receive(&mut self, datagrams: &mut [u8]) -> io::Result<usize> {
        let mut slices: Vec<_> =
            datagrams.chunks_exact_mut(self.size).map(|datagram| [IoSliceMut::new(datagram)]).collect();
        let flags = MsgFlags::MSG_WAITFORONE;
        let received = recvmmsg(self.socket.as_raw_fd(), &mut self.received, &mut slices, flags, None)?;
        self.senders = received.map(|datagram| datagram.address).collect();
        Ok(self.senders.len())
    }
}
