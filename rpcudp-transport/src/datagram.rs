use std::net::{IpAddr, SocketAddr};

/// The most that a UDP datagram carries over IPv4.
pub(crate) const MAX_DATAGRAM_LEN: usize = 65_507;

/// A datagram to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The peer's address.
    pub destination: SocketAddr,
    /// Which of this host's addresses it is to leave from; `None` leaves that to the system's routes. An answer leaves
    /// from the address that was asked.
    pub source: Option<IpAddr>,
    /// The payload.
    pub contents: &'a [u8],
}
