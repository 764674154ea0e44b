//! Addresses on the command line.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs, UdpSocket};

/// Resolves names of peers to addresses: `HOST:PORT`, or `[fe80::1%eth0]:PORT` with the interface
/// of a link-local address by name or number.
pub(crate) fn resolve(names: &[String]) -> Result<Vec<SocketAddr>, String> {
    let mut addrs = Vec::new();
    for name in names {
        addrs.extend(resolve_name(name)?);
    }
    Ok(addrs)
}

/// Resolves one name to at least one address.
pub(crate) fn resolve_name(name: &str) -> Result<Vec<SocketAddr>, String> {
    if let Some((ip, interface, port)) = split_interface(name) {
        let scope = scope_of(interface).ok_or_else(|| format!("{name}: this host has no interface `{interface}`"))?;
        return Ok(vec![SocketAddrV6::new(ip, port, 0, scope).into()]);
    }
    let resolved = name.to_socket_addrs().map(Vec::from_iter).and_then(|addrs| match addrs[..] {
        [] => Err(io::ErrorKind::NotFound.into()),
        _ => Ok(addrs),
    });
    resolved.map_err(|error| format!("{name}: {error}: give an address as HOST:PORT"))
}

/// Splits `[fe80::1%eth0]:1234` into the IP address, the interface and the port.
fn split_interface(name: &str) -> Option<(Ipv6Addr, &str, u16)> {
    let (host, port) = name.strip_prefix('[')?.split_once("]:")?;
    let (ip, interface) = host.split_once('%')?;
    Some((ip.parse().ok()?, interface, port.parse().ok()?))
}

/// Returns the number of an interface of this host, given its name or its number.
#[cfg(unix)]
fn scope_of(interface: &str) -> Option<u32> {
    use nix::net::if_::Interface;

    let number = interface.parse().ok();
    let all = nix::net::if_::if_nameindex().ok()?;
    let is_meant =
        |known: &&Interface| known.name().to_bytes() == interface.as_bytes() || number == Some(known.index());
    all.iter().find(is_meant).map(Interface::index)
}

/// Returns the number of an interface. Windows names interfaces in addresses by number only.
#[cfg(not(unix))]
fn scope_of(interface: &str) -> Option<u32> {
    interface.parse().ok()
}

/// Returns the address to bind to for peers at `addrs`: on loopback if all of them are, and for
/// both families if they are of both.
pub(crate) fn address_for(addrs: &[SocketAddr], port: u16) -> SocketAddr {
    let is_loopback = addrs.iter().all(|addr| addr.ip().is_loopback());
    let [has_v4, has_v6] = [SocketAddr::is_ipv4, SocketAddr::is_ipv6].map(|is_family| addrs.iter().any(is_family));
    let ip = match (has_v6, has_v4) {
        (true, false) if is_loopback => Ipv6Addr::LOCALHOST.into(),
        (false, true) if is_loopback => Ipv4Addr::LOCALHOST.into(),
        (true, true) if !has_ipv6() => Ipv4Addr::UNSPECIFIED.into(),
        (true, _) => Ipv6Addr::UNSPECIFIED.into(),
        (false, _) => Ipv4Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(ip, port)
}

/// Whether this host has IPv6. The system may be configured without it.
fn has_ipv6() -> bool {
    UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_reaches_every_address_of_the_network() {
        for (peers, expected) in [
            (&["127.0.0.1:8468"][..], "127.0.0.1:0"),
            (&["[::1]:8468"], "[::1]:0"),
            // `localhost` may have both.
            (&["[::1]:8468", "127.0.0.1:8468"], "[::]:0"),
            (&["192.0.2.7:8468", "127.0.0.1:8468"], "0.0.0.0:0"),
            (&["[2001:db8::7]:8468"], "[::]:0"),
            (&["[2001:db8::7]:8468", "192.0.2.7:8468"], "[::]:0"),
            (&[], "0.0.0.0:0"),
        ] {
            let addrs: Vec<_> = peers.iter().map(|addr| addr.parse().unwrap()).collect();
            assert_eq!(address_for(&addrs, 0), expected.parse().unwrap(), "{peers:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn link_local_address_has_its_interface_by_name_or_number() {
        let interface = nix::net::if_::if_nameindex()
            .unwrap()
            .iter()
            .next()
            .map(|interface| (interface.name().to_str().unwrap().to_owned(), interface.index()));
        let (name, number) = interface.expect("a host has a loopback interface");
        let expected = SocketAddrV6::new("fe80::1".parse().unwrap(), 1_234, 0, number).into();
        for interface in [name, number.to_string()] {
            assert_eq!(resolve_name(&format!("[fe80::1%{interface}]:1234")).unwrap(), [expected]);
        }
        for unknown in ["none-such", "4000000000", ""] {
            let name = format!("[fe80::1%{unknown}]:1234");
            let error = format!("{name}: this host has no interface `{unknown}`");
            assert_eq!(resolve_name(&name).unwrap_err(), error);
        }
    }
}
