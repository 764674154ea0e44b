//! The parts of the floods that need links.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rpcudp::{Builder, Endpoint, Identity};
use rpcudp_secure::{Expected, LinkEvent, LinkOptions, Links};

use super::flooder::Flood;
use super::link_counts::LinkCounts;
use super::target::TargetClient;
use crate::measuring::BoxError;

/// Whether the bench was built with links.
pub(super) const ARE_AVAILABLE: bool = true;

/// Gives an endpoint an identity.
pub(super) fn with_identity(builder: Builder) -> Builder {
    builder.identity(Identity::generate())
}

/// Returns a client that calls an endpoint over a link.
///
/// # Errors
///
/// Returns an error if the endpoint has no identity.
pub(super) fn client(peer: &Endpoint, target: &Endpoint) -> Result<TargetClient, BoxError> {
    let key = target.peer_id().ok_or("the endpoint has no identity")?;
    Ok(TargetClient::secure(peer, target.local_addr(), key))
}

/// Returns the counts of an endpoint's links.
pub(super) fn counts(endpoint: &Endpoint) -> LinkCounts {
    let stats = endpoint.link_stats();
    LinkCounts {
        handshaking: stats.handshaking,
        up: stats.up,
        established: stats.established,
        failed: stats.failed,
        evicted: stats.evicted,
        retried: stats.retried,
        ignored: stats.ignored,
    }
}

/// Returns the first datagrams of this many handshakes, each from a caller of its own.
pub(super) fn first_datagrams(count: usize, seed: u64) -> Vec<Vec<u8>> {
    let target = (Ipv4Addr::LOCALHOST, 1).into();
    let mut datagrams = Vec::with_capacity(count);
    for number in 0..count as u64 {
        let mut links = new_links(seed, number, target);
        links.flush(Instant::now(), |datagram| datagrams.push(datagram.contents.to_vec()));
    }
    datagrams
}

/// Returns a table of links that has begun a handshake, with a key of its own.
fn new_links(seed: u64, number: u64, target: SocketAddr) -> Links {
    let mut own_seed = [0; 32];
    own_seed[..8].copy_from_slice(&seed.to_be_bytes());
    own_seed[8..16].copy_from_slice(&number.to_be_bytes());
    let now = Instant::now();
    let mut links = Links::new(&Identity::from_seed(own_seed), LinkOptions::default(), now, own_seed);
    links.connect(now, target, Expected::Any).expect("the address has a port");
    links
}

/// A flood of whole handshakes, from real addresses. The links that come up stay there: the peer is
/// not told that they are of no use.
pub(super) struct HandshakeFlood {
    target: SocketAddr,
    sources: Vec<HandshakeSource>,
    next: usize,
    seed: u64,
    /// The handshakes begun.
    count: u64,
}

struct HandshakeSource {
    socket: UdpSocket,
    links: Links,
    begun: Instant,
}

impl HandshakeFlood {
    /// The number of addresses: enough that the limit per source does not hold back the flood.
    pub(super) const SOURCE_COUNT: u8 = 64;

    /// The time after which a handshake without an end is given up for another.
    const PATIENCE: Duration = Duration::from_millis(50);

    /// Creates a flood.
    ///
    /// # Errors
    ///
    /// Returns an error if a socket cannot be bound.
    pub(super) fn new(target: SocketAddr, seed: u64) -> Result<Self, BoxError> {
        let mut sources = Vec::new();
        for number in 1..=Self::SOURCE_COUNT {
            let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 10, number), 0))?;
            socket.connect(target)?;
            socket.set_nonblocking(true)?;
            let links = new_links(seed, number.into(), target);
            sources.push(HandshakeSource { socket, links, begun: Instant::now() });
        }
        Ok(Self { target, sources, next: 0, seed, count: Self::SOURCE_COUNT.into() })
    }
}

impl Flood for HandshakeFlood {
    fn send_batch(&mut self) -> Result<usize, BoxError> {
        let index = self.next;
        self.next = (index + 1) % self.sources.len();
        let source = &mut self.sources[index];
        let is_over = source.receive(self.target)?;
        // The last flight of the handshake that is over, and the first one of the next.
        let mut sent = source.send()?;
        if is_over {
            self.count += 1;
            source.links = new_links(self.seed, self.count, self.target);
            source.begun = Instant::now();
            sent += source.send()?;
        }
        Ok(sent)
    }
}

impl HandshakeSource {
    /// Handles what has arrived. Returns whether the handshake is over.
    fn receive(&mut self, target: SocketAddr) -> Result<bool, BoxError> {
        let mut datagram = [0; 2_048];
        loop {
            match self.socket.recv(&mut datagram) {
                Ok(len) => self.links.handle(Instant::now(), target, None, &datagram[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        let mut is_over = self.begun.elapsed() > HandshakeFlood::PATIENCE;
        while let Some(event) = self.links.poll() {
            is_over |= matches!(event, LinkEvent::Up { .. } | LinkEvent::Down { .. });
        }
        Ok(is_over)
    }

    fn send(&mut self) -> Result<usize, BoxError> {
        let (socket, mut sent) = (&self.socket, Ok(0));
        self.links.flush(Instant::now(), |datagram| {
            if let Ok(count) = &mut sent {
                match socket.send(datagram.contents) {
                    Ok(_) => *count += 1,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => sent = Err(error),
                }
            }
        });
        Ok(sent?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn first_datagrams_have_different_ids() {
        let datagrams = first_datagrams(10, 7);
        assert!(datagrams.iter().all(|datagram| datagram.len() == 1_200 && Links::is_link_datagram(datagram)));
        assert_eq!(datagrams.iter().map(|datagram| &datagram[6..26]).collect::<BTreeSet<_>>().len(), 10);
    }
}
