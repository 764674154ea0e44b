//! The kernel's ceiling for datagrams to many peers: `mmsg` without connected sockets.

use std::cell::Cell as Counter;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg, setsockopt, sockopt,
};
use nix::{cmsg_space, libc};

use super::mmsg::BATCH_LEN;
use super::windowed::{self, BulkSocket};
use crate::measuring::{BoxError, Cell, Measured, loopback_socket_at};

/// The address from which the server responds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The one that the kernel chooses.
    Any,
    /// The one that was called, as that of a peer must be. The kernel tells it with each datagram,
    /// and takes it with each response.
    Called,
}

/// Measures this ceiling with peers that have these addresses and one port, which the server binds
/// on all addresses of the host.
///
/// # Errors
///
/// Returns an error if a socket cannot be set up, or fails.
pub(crate) fn run(cell: Cell, peers: &[Ipv4Addr], source: Source) -> Result<Measured, BoxError> {
    let (client, server) = (bind(Ipv4Addr::LOCALHOST)?, bind_server(source)?);
    let port = server.local_addr()?.port();
    let peers: Arc<[_]> = peers.iter().map(|ip| SockaddrIn::from(SocketAddrV4::new(*ip, port))).collect();
    windowed::run(
        cell,
        BATCH_LEN,
        || UnconnectedSocket::new(client, cell.size, peers, Source::Any),
        || UnconnectedSocket::new(server, cell.size, Arc::default(), source),
    )
}

fn bind(ip: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket: UdpSocket = loopback_socket_at(ip)?.into();
    socket.set_read_timeout(Some(windowed::LOST_AFTER))?;
    Ok(socket)
}

fn bind_server(source: Source) -> io::Result<UdpSocket> {
    let socket = bind(Ipv4Addr::UNSPECIFIED)?;
    if source == Source::Called {
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    }
    Ok(socket)
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
    /// The addresses that were called, if the server responds from them.
    called: Vec<libc::in_pktinfo>,
    source: Source,
}

impl UnconnectedSocket {
    fn new(socket: UdpSocket, size: usize, peers: Arc<[SockaddrIn]>, source: Source) -> Self {
        let [received, sent] = [(); 2].map(|()| {
            let control = (source == Source::Called).then(|| cmsg_space!(libc::in_pktinfo));
            MultiHeaders::preallocate(BATCH_LEN, control)
        });
        Self { socket, size, received, sent, peers, next: 0, senders: Vec::new(), called: Vec::new(), source }
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
            let sources = Sources {
                sources: self.called.iter().map(|it| [ControlMessage::Ipv4PacketInfo(it)]).collect(),
                next: Counter::new(0),
            };
            let flags = MsgFlags::empty();
            let sent = sendmmsg(self.socket.as_raw_fd(), &mut self.sent, &slices, &addrs, sources, flags)?.count();
            slices.drain(..sent);
            addrs.drain(..sent);
            self.called.drain(..sent.min(self.called.len()));
        }
        Ok(())
    }

    fn receive(&mut self, datagrams: &mut [u8]) -> io::Result<usize> {
        let mut slices: Vec<_> =
            datagrams.chunks_exact_mut(self.size).map(|datagram| [IoSliceMut::new(datagram)]).collect();
        let flags = MsgFlags::MSG_WAITFORONE;
        let received = recvmmsg(self.socket.as_raw_fd(), &mut self.received, &mut slices, flags, None)?;
        self.senders.clear();
        self.called.clear();
        for datagram in received {
            self.senders.push(datagram.address);
            if self.source == Source::Called {
                let mut control = datagram.cmsgs()?;
                let called = control.find_map(|message| match message {
                    ControlMessageOwned::Ipv4PacketInfo(info) => Some(info.ipi_addr),
                    _ => None,
                });
                let called = called.ok_or_else(|| io::Error::other("the kernel did not tell the address called"))?;
                let any = libc::in_addr { s_addr: 0 };
                self.called.push(libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: called, ipi_addr: any });
            }
        }
        Ok(self.senders.len())
    }
}

/// The control messages of each message of a system call; none if there are none. nix asks for them
/// once for each message, although it is meant to give all messages the same.
struct Sources<'a> {
    sources: Vec<[ControlMessage<'a>; 1]>,
    next: Counter<usize>,
}

impl<'a> AsRef<[ControlMessage<'a>]> for Sources<'a> {
    fn as_ref(&self) -> &[ControlMessage<'a>] {
        let at = self.next.replace(self.next.get() + 1);
        self.sources.get(at).map_or(&[], |source| source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_responds_from_the_address_that_was_called() {
        let server = bind_server(Source::Called).unwrap();
        let port = server.local_addr().unwrap().port();
        let mut server = UnconnectedSocket::new(server, 32, Arc::default(), Source::Called);
        let mut datagrams = [0; 32 * BATCH_LEN];
        for last in [7, 9, 1] {
            // A connected socket receives from the address that it has called only.
            let client = bind(Ipv4Addr::LOCALHOST).unwrap();
            client.connect((Ipv4Addr::new(127, 1, 0, last), port)).unwrap();
            client.send(&[last; 32]).unwrap();
            assert_eq!(server.receive(&mut datagrams).unwrap(), 1);
            server.send(&datagrams[..32]).unwrap();
            let mut response = [0; 32];
            assert_eq!((client.recv(&mut response).unwrap(), response), (32, [last; 32]));
        }
    }
}
