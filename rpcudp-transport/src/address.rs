use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Returns the canonical form of an address. Equal peers have equal canonical addresses.
///
/// A socket that serves both families reports an IPv4 peer as `::ffff:a.b.c.d`; its canonical form
/// is `a.b.c.d`. The flow label is removed, and so is the scope unless the address is link-local or
/// multicast.
///
/// ```
/// use rpcudp::transport::canonical;
///
/// let mapped = "[::ffff:192.0.2.1]:7000".parse()?;
/// assert_eq!(canonical(mapped), "192.0.2.1:7000".parse()?);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
#[inline]
pub fn canonical(addr: SocketAddr) -> SocketAddr {
    let SocketAddr::V6(v6) = addr else { return addr };
    match v6.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, v6.port())),
        IpAddr::V6(ip) => {
            let scope = if ip.is_unicast_link_local() || ip.is_multicast() { v6.scope_id() } else { 0 };
            SocketAddrV6::new(ip, v6.port(), 0, scope).into()
        }
    }
}

/// Returns a destination in the form that a socket of the family takes.
///
/// # Errors
///
/// Returns an error if no such datagram can exist. The kernel would return `EINVAL`, which
/// quinn-udp takes for a sign of an old kernel.
pub(crate) fn destination(addr: SocketAddr, to_ipv6: bool) -> io::Result<SocketAddr> {
    if addr.port() == 0 {
        return Err(invalid("cannot send to port 0: give the port that the peer is bound to"));
    }
    match addr {
        SocketAddr::V4(v4) if to_ipv6 => Ok((v4.ip().to_ipv6_mapped(), v4.port()).into()),
        SocketAddr::V6(v6) if !to_ipv6 && v6.ip().to_ipv4_mapped().is_none() => Err(invalid(
            "a socket bound to an IPv4 address cannot send to an IPv6 address: bind [::]:0, which sends to both",
        )),
        addr => Ok(addr),
    }
}

/// Returns a source address in the form that a socket of the family takes; `None` if the address
/// cannot be a source.
pub(crate) fn source(ip: IpAddr, to_ipv6: bool) -> Option<IpAddr> {
    match ip {
        _ if ip.is_unspecified() || ip.is_multicast() => None,
        IpAddr::V4(v4) if v4.is_broadcast() => None,
        IpAddr::V4(v4) if to_ipv6 => Some(v4.to_ipv6_mapped().into()),
        IpAddr::V6(Ipv6Addr { .. }) if !to_ipv6 => None,
        ip => Some(ip),
    }
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn equal_peers_have_equal_canonical_addresses() {
        assert_eq!(canonical(addr("[::ffff:10.0.0.1]:7")), addr("10.0.0.1:7"));
        assert_eq!(canonical(addr("10.0.0.1:7")), addr("10.0.0.1:7"));
        let global = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        assert_eq!(canonical(SocketAddrV6::new(global, 7, 5, 3).into()), SocketAddrV6::new(global, 7, 0, 0).into());
        let local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
        assert_eq!(canonical(SocketAddrV6::new(local, 7, 5, 3).into()), SocketAddrV6::new(local, 7, 0, 3).into());
    }

    #[test]
    fn destinations_are_converted_to_the_family_of_the_socket() {
        assert_eq!(destination(addr("10.0.0.1:7"), true).unwrap(), addr("[::ffff:10.0.0.1]:7"));
        assert_eq!(destination(addr("10.0.0.1:7"), false).unwrap(), addr("10.0.0.1:7"));
        assert_eq!(destination(addr("[::1]:7"), true).unwrap(), addr("[::1]:7"));
        assert!(destination(addr("[::1]:7"), false).is_err());
        assert!(destination(addr("10.0.0.1:0"), false).is_err());
    }

    #[test]
    fn an_address_that_cannot_be_a_source_is_left_to_the_routes() {
        assert_eq!(source("0.0.0.0".parse().unwrap(), false), None);
        assert_eq!(source("224.0.0.1".parse().unwrap(), false), None);
        assert_eq!(source("255.255.255.255".parse().unwrap(), false), None);
        assert_eq!(source("10.0.0.1".parse().unwrap(), true), Some("::ffff:10.0.0.1".parse().unwrap()));
        assert_eq!(source("::1".parse().unwrap(), false), None);
    }
}
