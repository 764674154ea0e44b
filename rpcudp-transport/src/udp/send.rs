//! Sends datagrams. Several of one length to one peer leave as one segmented send, and several
//! sends leave with one system call.

use std::io;
use std::net::{IpAddr, SocketAddr};

use quinn_udp::Transmit;
use socket2::SockRef;

use super::bound_socket::{BoundSocket, MAX_RUN_LEN};
#[cfg(any(target_os = "linux", target_os = "android"))]
use super::multi_send;
use super::pending_error::{is_dropped_by_device, retry_past_pending_errors};
use super::send_error::explain;
use crate::address;
use crate::datagram::Datagram;
use crate::send_batch::{Run, SendBatch};

/// The maximum number of datagrams in one segmented send. A segmented send carries a quarter of the
/// batch, so that the peer responds to the first quarter while the others are sent, but at most
/// half of the segments that Linux accepts.
const MAX_SEGMENT_COUNT: usize = 32;

/// The number of datagrams that a segmented send carries if the batch has as many, even if a
/// quarter of the batch is less: fewer save too little.
const MIN_SEGMENT_COUNT: usize = 16;

/// Sends datagrams of a batch from index `from` on, and returns the number of datagrams sent.
pub(super) fn send_batch(socket: &BoundSocket, batch: &SendBatch, from: usize) -> io::Result<usize> {
    if batch.len() - from == 1 {
        return send_single(socket, batch.datagram(from)).map(|()| 1);
    }
    let mut quarter =
        ((batch.len() - from) / 4).clamp(MIN_SEGMENT_COUNT, MAX_SEGMENT_COUNT).min(socket.segmentation.begin_batch());
    let mut at = from;
    while at < batch.len() {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(sent) = multi_send::send(socket, batch, at, quarter) {
            match sent {
                Ok(count) => at += count,
                Err(error) if at == from => return Err(error),
                Err(_) => break,
            }
            continue;
        }
        let first = batch.datagram(at);
        let max_count = if socket.fits_segment(&first) { quarter } else { 1 };
        let run = batch.run(at, max_count, MAX_RUN_LEN);
        let sent = match send_run(socket, &run) {
            // A network card may refuse a segmented send and accept its datagrams one by one.
            // Sending the first alone also keeps the error of one datagram from the others.
            Err(error) if run.count > 1 && error.kind() != io::ErrorKind::WouldBlock => {
                send_single(socket, first).map(|()| {
                    socket.segmentation.pause();
                    quarter = 1;
                    1
                })
            }
            Err(error) => Err(explain(socket, run.destination, error)),
            Ok(()) => Ok(run.count),
        };
        match sent {
            Ok(count) => at += count,
            Err(error) if at == from => return Err(error),
            Err(_) => break,
        }
    }
    Ok(at - from)
}

/// Sends one datagram.
pub(super) fn send_single(socket: &BoundSocket, datagram: Datagram<'_>) -> io::Result<()> {
    send_run(socket, &Run::single(datagram)).map_err(|error| explain(socket, datagram.destination, error))
}

/// Sends one datagram, or several as one segmented send.
fn send_run(socket: &BoundSocket, run: &Run<'_>) -> io::Result<()> {
    let is_ipv6 = socket.local_addr.is_ipv6();
    let destination = address::destination(run.destination, is_ipv6)?;
    let src_ip = socket.source(run.source);
    if src_ip.is_none() && run.count == 1 {
        // `sendto` is faster than `sendmsg`, and suffices if only the destination is given.
        let destination = destination.into();
        return attempt(socket, || SockRef::from(&**socket.socket).send_to(run.contents, &destination).map(drop));
    }
    match attempt(socket, || try_send(socket, run, destination, src_ip)) {
        // The request went to a broadcast address, or to an address that this host has no longer.
        Err(error) if src_ip.is_some() && is_about_source(&error) => send_run(socket, &Run { source: None, ..*run }),
        sent => sent,
    }
}

/// Attempts to send one datagram, or several as one segmented send.
fn try_send(socket: &BoundSocket, run: &Run<'_>, destination: SocketAddr, src_ip: Option<IpAddr>) -> io::Result<()> {
    // Without the type of service that quinn-udp gives to each datagram, which takes time.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(sent) = multi_send::send_run(socket, run, destination, src_ip) {
        return sent;
    }
    let segment_size = (run.count > 1).then_some(run.segment_len);
    let transmit = Transmit { destination, ecn: None, contents: run.contents, segment_size, src_ip };
    socket.state.try_send((&**socket.socket).into(), &transmit)
}

/// Sends, and sorts errors: retries if the error is about an earlier datagram, and returns
/// `WouldBlock` if the send buffer is full.
fn attempt(socket: &BoundSocket, mut send: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    match retry_past_pending_errors(&mut send) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.socket.retry_send(send),
        // The datagram left the socket and was lost at the first hop. Losses at later hops are not
        // reported either.
        Err(error) if is_dropped_by_device(&error) => Ok(()),
        // The error is still about other datagrams after all retries. This datagram is not at fault
        // and can wait.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Err(io::ErrorKind::WouldBlock.into()),
        sent => sent,
    }
}

fn is_about_source(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::AddrNotAvailable | io::ErrorKind::NetworkUnreachable
    )
}
