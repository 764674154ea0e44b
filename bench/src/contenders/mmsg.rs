//! The kernel's ceiling for several separate datagrams in one system call.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, sendmmsg};

use super::windowed::{self, BulkSocket};
use crate::measuring::{BoxError, Cell, Measured};

/// The number of datagrams per system call. With more, the cost of the call itself no longer shows.
pub(super) const BATCH_LEN: usize = 64;

/// Measures this ceiling.
///
/// # Errors
///
/// Returns an error if a socket cannot be set up, or fails.
pub(crate) fn run(cell: Cell) -> Result<Measured, BoxError> {
    let [client, server] = windowed::sockets()?;
    let bulk = |socket| move || MmsgSocket::new(socket, cell.size);
    windowed::run(cell, BATCH_LEN, bulk(client), bulk(server))
}

struct MmsgSocket {
    socket: UdpSocket,
    size: usize,
    /// The headers of a batch, without addresses because the sockets are connected.
    headers: MultiHeaders<()>,
}

impl MmsgSocket {
    fn new(socket: UdpSocket, size: usize) -> Self {
        Self { socket, size, headers: MultiHeaders::preallocate(BATCH_LEN, None) }
    }
}

impl BulkSocket for MmsgSocket {
    fn send(&mut self, datagrams: &[u8]) -> io::Result<()> {
        let mut slices: Vec<_> = datagrams.chunks_exact(self.size).map(|datagram| [IoSlice::new(datagram)]).collect();
        while !slices.is_empty() {
            let addrs = [None; BATCH_LEN];
            let flags = MsgFlags::empty();
            let sent = sendmmsg(self.socket.as_raw_fd(), &mut self.headers, &slices, addrs, [], flags)?.count();
            slices.drain(..sent);
        }
        Ok(())
    }

    fn receive(&mut self, datagrams: &mut [u8]) -> io::Result<usize> {
        let mut slices: Vec<_> =
            datagrams.chunks_exact_mut(self.size).map(|datagram| [IoSliceMut::new(datagram)]).collect();
        let flags = MsgFlags::MSG_WAITFORONE;
        let received = recvmmsg(self.socket.as_raw_fd(), &mut self.headers, &mut slices, flags, None)?;
        Ok(received.count())
    }
}
