//! The common part of the two ceilings: a thread each for client and server, a window of datagrams
//! in flight, and no work per call except to number it and to check the number of its response.

use std::collections::VecDeque;
use std::io;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::measuring::{BoxError, Cell, Clock, Failures, Latencies, Measured, Phase, loopback_socket};

/// A connected socket that sends and receives several datagrams of one length at a time, which are
/// consecutive in memory.
pub(crate) trait BulkSocket {
    /// Sends all datagrams.
    fn send(&mut self, datagrams: &[u8]) -> io::Result<()>;

    /// Waits for datagrams, and returns their number: at least one, at most as many as fit.
    ///
    /// # Errors
    ///
    /// Returns [`io::ErrorKind::WouldBlock`] if none arrived within [`LOST_AFTER`].
    fn receive(&mut self, datagrams: &mut [u8]) -> io::Result<usize>;
}

/// The time after which a response counts as lost.
pub(super) const LOST_AFTER: Duration = Duration::from_millis(500);

/// Binds two sockets and connects them to each other.
///
/// # Errors
///
/// Returns an error if a socket cannot be bound or connected.
pub(crate) fn sockets() -> io::Result<[UdpSocket; 2]> {
    let (client, server): (UdpSocket, UdpSocket) = (loopback_socket()?.into(), loopback_socket()?.into());
    client.connect(server.local_addr()?)?;
    server.connect(client.local_addr()?)?;
    for socket in [&client, &server] {
        socket.set_read_timeout(Some(LOST_AFTER))?;
    }
    Ok([client, server])
}

/// Measures two sockets, each of which sends and receives up to `batch_len` datagrams at a time.
///
/// The closures return the sockets. Each is called on its own thread, because nix's headers for a
/// batch are not `Send`.
///
/// # Errors
///
/// Returns the error of a socket.
pub(crate) fn run<B: BulkSocket, S: BulkSocket>(
    cell: Cell,
    batch_len: usize,
    client: impl FnOnce() -> B + Send,
    server: impl FnOnce() -> S + Send,
) -> Result<Measured, BoxError> {
    let call = |clock: &Clock| call(&mut client(), cell, batch_len, clock);
    let serve = |clock: &Clock| serve(&mut server(), cell, batch_len, clock);
    cell.on_threads(call, serve)
}

/// A batch of datagrams that were sent together.
struct Batch {
    sent: Instant,
    phase: Phase,
    len: usize,
}

fn call(
    socket: &mut impl BulkSocket,
    cell: Cell,
    batch_len: usize,
    clock: &Clock,
) -> Result<(Latencies, Failures), BoxError> {
    let mut datagrams: Vec<u8> = (0..batch_len * cell.size).map(|index| (index * 8) as u8).collect();
    let mut responses = vec![0; batch_len * cell.size];
    let (mut latencies, mut failures) = (Latencies::default(), Failures::default());
    let mut batches = VecDeque::new();
    let (mut sent, mut completed) = (0_u64, 0_u64);
    loop {
        let phase = clock.phase();
        let mut free = cell.in_flight - (sent - completed) as usize;
        while phase != Phase::Over && free > 0 {
            let len = free.min(batch_len);
            for datagram in datagrams.chunks_exact_mut(cell.size).take(len) {
                datagram[..8].copy_from_slice(&sent.to_be_bytes());
                sent += 1;
            }
            batches.push_back(Batch { sent: Instant::now(), phase, len });
            socket.send(&datagrams[..len * cell.size])?;
            free -= len;
        }
        if batches.is_empty() {
            return Ok((latencies, failures));
        }
        let count = match socket.receive(&mut responses) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                failures.add("a datagram was lost");
                return Ok((latencies, failures));
            }
            Err(error) => return Err(error.into()),
        };
        let now = Instant::now();
        for response in responses.chunks_exact(cell.size).take(count) {
            // After a gap, the latencies would be those of other calls.
            if response[..8] != completed.to_be_bytes() {
                failures.add("a datagram was lost, or came out of order");
                return Ok((latencies, failures));
            }
            completed += 1;
        }
        record(&mut batches, count, now, &mut latencies);
    }
}

/// Records the latencies of `count` responses, in the order in which their requests were sent.
fn record(batches: &mut VecDeque<Batch>, mut count: usize, now: Instant, latencies: &mut Latencies) {
    while count > 0 {
        let Some(batch) = batches.front_mut() else { return };
        let len = batch.len.min(count);
        if batch.phase == Phase::Measured {
            latencies.record((now - batch.sent).as_nanos() as u64, len as u64);
        }
        count -= len;
        batch.len -= len;
        if batch.len == 0 {
            batches.pop_front();
        }
    }
}

fn serve(socket: &mut impl BulkSocket, cell: Cell, batch_len: usize, clock: &Clock) -> Result<(), BoxError> {
    let mut datagrams = vec![0; batch_len * cell.size];
    loop {
        match socket.receive(&mut datagrams) {
            Ok(count) => socket.send(&datagrams[..count * cell.size])?,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error.into()),
            Err(_) if clock.phase() == Phase::Over => return Ok(()),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_belong_to_the_oldest_requests() {
        let now = Instant::now();
        let batch = |millis, phase, len| Batch { sent: now - Duration::from_millis(millis), phase, len };
        let mut batches =
            VecDeque::from([batch(9, Phase::WarmUp, 3), batch(5, Phase::Measured, 4), batch(2, Phase::Measured, 4)]);
        let mut latencies = Latencies::default();
        record(&mut batches, 2, now, &mut latencies);
        assert_eq!((batches.len(), latencies.count()), (3, 0));
        record(&mut batches, 6, now, &mut latencies);
        assert_eq!((batches.len(), latencies.count()), (1, 5));
        assert_eq!(latencies.quantile(0.5).as_millis(), 5);
    }
}
