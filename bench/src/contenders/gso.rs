//! What the kernel can do where datagrams of one length travel as one: generic segmentation offload out, generic
//! receive offload in.
//!
//! Loopback never takes such a datagram apart: a real network card does not get that far.

use std::io;
use std::net::UdpSocket;

use nix::sys::socket::{setsockopt, sockopt};

use super::windowed::{self, BulkSocket};
use crate::measuring::{BoxError, Cell, Measured, loopback_socket};

/// How many datagrams the kernel sends as one, since Linux 4.18.
const MAX_SEGMENTS: usize = 64;

/// How many bytes UDP carries in one datagram, and so in one that is many.
const MAX_LEN: usize = 65_507;

/// Measures it.
///
/// # Errors
///
/// Where the sockets cannot be had, or fail.
pub(crate) fn run(cell: Cell) -> Result<Measured, BoxError> {
    let batch_len = MAX_SEGMENTS.min(MAX_LEN / cell.size);
    let sockets = windowed::sockets()?;
    // Both before the first datagram: what arrives in pieces is answered in pieces, and that never ends.
    sockets.iter().try_for_each(|socket| offload(socket, cell.size))?;
    windowed::run(cell, batch_len, sockets, |socket| GsoSocket { socket, size: cell.size })
}

/// Whether the kernel has both.
///
/// # Errors
///
/// What it says where not.
pub(crate) fn is_supported() -> Result<(), BoxError> {
    Ok(offload(&loopback_socket()?.into(), Cell::MIN_SIZE)?)
}

fn offload(socket: &UdpSocket, size: usize) -> io::Result<()> {
    setsockopt(socket, sockopt::UdpGsoSegment, &(size as i32))?;
    setsockopt(socket, sockopt::UdpGroSegment, &true)?;
    Ok(())
}

struct GsoSocket {
    socket: UdpSocket,
    size: usize,
}

impl BulkSocket for GsoSocket {
    fn send(&mut self, datagrams: &[u8]) -> io::Result<()> {
        self.socket.send(datagrams)?;
        Ok(())
    }

    fn receive(&mut self, datagrams: &mut [u8]) -> io::Result<usize> {
        // All have one length, so that the kernel need not be asked for it.
        Ok(self.socket.recv(datagrams)? / self.size)
    }
}
