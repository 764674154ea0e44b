//! What the kernel can do where several datagrams share a system call, but are datagrams of their own.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, sendmmsg};

use super::windowed::{self, BulkSocket};
use crate::measuring::{BoxError, Cell, Measured};

/// How many datagrams share a system call: beyond that, the call itself does not show any more.
const BATCH_LEN: usize = 64;

/// Measures it.
///
/// # Errors
///
/// Where the sockets cannot be had, or fail.
pub(crate) fn run(cell: Cell) -> Result<Measured, BoxError> {
    windowed::run(cell, BATCH_LEN, windowed::sockets()?, |socket| MmsgSocket::new(socket, cell.size))
}

struct MmsgSocket {
    socket: UdpSocket,
    size: usize,
    /// Connected sockets need no addresses.
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
