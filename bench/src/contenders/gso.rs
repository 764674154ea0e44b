//! The kernel's ceiling for datagrams of one length that travel as one: generic segmentation
//! offload (GSO) and generic receive offload (GRO).
//!
//! Loopback never splits such a datagram. A real network card has to.

use std::io;
use std::net::UdpSocket;

use nix::sys::socket::{setsockopt, sockopt};

use super::windowed::{self, BulkSocket};
use crate::measuring::{BoxError, Cell, Measured, loopback_socket};

/// The maximum number of datagrams in one segmented send, since Linux 4.18.
const MAX_SEGMENTS: usize = 64;

/// The maximum payload of a UDP datagram, and so of a segmented send.
const MAX_LEN: usize = 65_507;

/// Measures this ceiling.
///
/// # Errors
///
/// Returns an error if a socket cannot be set up, or fails.
pub(crate) fn run(cell: Cell) -> Result<Measured, BoxError> {
    let batch_len = MAX_SEGMENTS.min(MAX_LEN / cell.size);
    let sockets = windowed::sockets()?;
    // Both sockets before the first datagram: a batch that arrives in pieces is echoed in pieces,
    // and stays in pieces for the whole cell.
    sockets.iter().try_for_each(|socket| offload(socket, cell.size))?;
    let [client, server] = sockets.map(|socket| move || GsoSocket { socket, size: cell.size });
    windowed::run(cell, batch_len, client, server)
}

/// Checks that the kernel supports GSO and GRO.
///
/// # Errors
///
/// Returns the kernel's error if it does not.
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
        // All datagrams have one length, so the kernel does not have to report it.
        Ok(self.socket.recv(datagrams)? / self.size)
    }
}
