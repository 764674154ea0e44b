use std::net::{IpAddr, SocketAddr};

/// The largest payload of a UDP datagram over IPv4.
pub(crate) const MAX_DATAGRAM_LEN: usize = 65_507;

/// A datagram to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The peer's address.
    pub destination: SocketAddr,
    /// The address of this host that the datagram leaves from. `None` lets the system's routes
    /// decide. A response leaves from the address that the request was sent to.
    pub source: Option<IpAddr>,
    /// The payload.
    pub contents: &'a [u8],
}
