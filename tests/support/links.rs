//! Endpoints with links.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

use rpcudp::Identity;
use rpcudp::transport::{Datagram, ReceiveBatch, Transport};

/// The bit in the first byte of each datagram of a link, and of no plain one.
const QUIC_BIT: u8 = 0x40;

/// The kinds of the plain wire.
const PLAIN_KINDS: [u8; 9] = [0, 1, 2, 3, 4, 5, 6, 0x81, 0x84];

/// Returns the identity of the endpoint at an address, which it keeps when it restarts.
pub(crate) fn identity_of(addr: SocketAddr) -> Identity {
    let mut seed = [0; 32];
    match addr.ip() {
        IpAddr::V4(ip) => seed[..4].copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => seed[..16].copy_from_slice(&ip.octets()),
    }
    seed[16..18].copy_from_slice(&addr.port().to_be_bytes());
    Identity::from_seed(seed)
}

/// A transport that panics if it is given a datagram of another wire than an endpoint with links
/// may send. A packet of QUIC without its bit is one.
#[derive(Debug)]
pub(crate) struct CheckedWire<T> {
    inner: T,
    allows_plain: bool,
}

impl<T> CheckedWire<T> {
    /// Allows datagrams of links.
    pub(crate) fn links(inner: T) -> Self {
        Self { inner, allows_plain: false }
    }

    /// Allows datagrams of links and of the plain wire.
    pub(crate) fn both(inner: T) -> Self {
        Self { inner, allows_plain: true }
    }
}

impl<T: Transport> Transport for CheckedWire<T> {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        self.inner.poll_receive(cx, batch)
    }
    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        let first = datagram.contents[0];
        let is_plain = self.allows_plain && PLAIN_KINDS.contains(&first);
        assert!(first & QUIC_BIT != 0 || is_plain, "a datagram of no link: {:?}", datagram.contents);
        self.inner.try_send(datagram)
    }
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_writable(cx)
    }
    fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr()
    }
    fn seed(&self) -> Option<u64> {
        self.inner.seed()
    }
}
