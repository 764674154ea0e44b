//! Addresses on the command line.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use rpcudp::transport::canonical;

use crate::exit::{Failure, FailureKind};
use crate::links::Wire;
use crate::local_services;

/// The address family to which a name is resolved.
#[derive(Clone, Copy)]
pub(crate) enum Family {
    Any,
    V4,
    V6,
}

impl Family {
    pub(crate) fn new(ipv4: bool, ipv6: bool) -> Self {
        match (ipv4, ipv6) {
            (true, _) => Self::V4,
            (_, true) => Self::V6,
            _ => Self::Any,
        }
    }

    fn contains(self, addr: &SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => addr.is_ipv4(),
            Self::V6 => addr.is_ipv6(),
        }
    }
}

/// The address of a peer, and the wire over which it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerAddr {
    pub(crate) addr: SocketAddr,
    pub(crate) wire: Wire,
}

/// The address as it is written on the command line.
impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.wire, self.addr)
    }
}

/// Whether any of the names, with commas between them, has a key.
pub(crate) fn has_key(names: &str) -> bool {
    names.contains('@')
}

/// Resolves the names of a peer, or of several with commas between them, to at least one address of
/// one peer each.
pub(crate) async fn resolve_peer(names: &str, family: Family) -> Result<Vec<PeerAddr>, Failure> {
    let addrs = resolve_all(names, family).await?;
    match addrs.iter().find(|peer| reaches_several(&peer.addr)) {
        Some(PeerAddr { addr, .. }) => Err(Failure::usage(format!(
            "{addr} reaches several peers: `rpcudp call --all {addr} METHOD` prints the response of each"
        ))),
        None => Ok(addrs),
    }
}

/// Resolves the names of several peers, with commas between them, to the addresses of each peer.
/// Each host that announces an `mdns:` service is a peer, and so is each address of a `dns:` name.
pub(crate) async fn resolve_peers(names: &str, family: Family) -> Result<Vec<Vec<PeerAddr>>, Failure> {
    let mut peers = Vec::new();
    for name in names.split(',') {
        let addrs = resolve_peer(name, family).await?;
        let (_, name) = Wire::split(name)?;
        let found = if name.starts_with("mdns:") || name.starts_with("dns:") {
            addrs.into_iter().map(|addr| vec![addr]).collect()
        } else {
            vec![addrs]
        };
        for peer in found {
            if !peers.contains(&peer) {
                peers.push(peer);
            }
        }
    }
    Ok(peers)
}

/// Whether the address is a multicast or broadcast address.
fn reaches_several(addr: &SocketAddr) -> bool {
    addr.ip().is_multicast() || addr.ip() == IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// Resolves the names of a peer, or of several with commas between them, to at least one address
/// that can be called. `dns:HOST:PORT` is a host name too, and `mdns:SERVICE` the hosts of the
/// local network that announce a service. Each name may have a key before it.
pub(crate) async fn resolve_all(names: &str, family: Family) -> Result<Vec<PeerAddr>, Failure> {
    let mut addrs = Vec::new();
    for name in names.split(',') {
        let (wire, name) = Wire::split(name)?;
        let found = match name.strip_prefix("mdns:") {
            Some(service) => resolve_service(name, service, family).await?,
            None => resolve(name.strip_prefix("dns:").unwrap_or(name), family).await?,
        };
        found.into_iter().map(|addr| PeerAddr { addr, wire }).for_each(|peer| {
            if !addrs.contains(&peer) {
                addrs.push(peer);
            }
        });
    }
    match addrs.iter().find(|peer| peer.addr.ip().is_unspecified() || peer.addr.port() == 0) {
        Some(PeerAddr { addr, .. }) => {
            Err(Failure::usage(format!("{addr} cannot be called: a peer has a specific address and a port")))
        }
        None => Ok(addrs),
    }
}

/// Resolves a name to at least one address. A link-local address may have the name or the number of
/// its interface: `[fe80::1%eth0]:1234`.
pub(crate) async fn resolve(name: &str, family: Family) -> Result<Vec<SocketAddr>, Failure> {
    let unresolved = |why: String| Failure::new(FailureKind::NotResolved, format!("{name} does not resolve: {why}"));
    let has_port = name.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if !has_port {
        return Err(Failure::usage(format!(
            "`{name}` is not an address: write HOST:PORT, as in 127.0.0.1:1234 or [::1]:1234, or mdns:SERVICE"
        )));
    }
    let found: Vec<_> = if let Some((ip, interface, port)) = split_interface(name) {
        let no_interface = || unresolved(format!("this host has no network interface `{interface}`"));
        let scope = interface_number(interface).ok_or_else(no_interface)?;
        vec![SocketAddrV6::new(ip, port, 0, scope).into()]
    } else {
        tokio::net::lookup_host(name).await.map_err(|error| unresolved(resolver_message(&error)))?.collect()
    };
    let addrs: Vec<_> = found.into_iter().map(canonical).filter(|addr| family.contains(addr)).collect();
    if addrs.is_empty() {
        return Err(no_address_of_family(name));
    }
    Ok(addrs)
}

/// The time in which the other hosts of a service must respond, after the first.
const OTHER_HOSTS: Duration = Duration::from_millis(500);

/// Finds the hosts that announce a service on the local network.
async fn resolve_service(name: &str, service: &str, family: Family) -> Result<Vec<SocketAddr>, Failure> {
    let found = local_services::find(Some(service), OTHER_HOSTS).await?;
    if found.is_empty() {
        return Err(Failure::new(
            FailureKind::NotResolved,
            format!(
                "{name} does not resolve: no host of the local network announces `{}`; `rpcudp ls` prints the services",
                service.escape_debug()
            ),
        ));
    }
    let addrs: Vec<_> = found.into_iter().map(|instance| instance.addr).filter(|addr| family.contains(addr)).collect();
    if addrs.is_empty() { Err(no_address_of_family(name)) } else { Ok(addrs) }
}

fn no_address_of_family(name: &str) -> Failure {
    Failure::new(
        FailureKind::NotResolved,
        format!("{name} does not resolve: it has no address of the requested family"),
    )
}

/// Splits `[fe80::1%eth0]:1234` into the IP address, the interface and the port.
fn split_interface(name: &str) -> Option<(Ipv6Addr, &str, u16)> {
    let (host, port) = name.strip_prefix('[')?.split_once("]:")?;
    let (ip, interface) = host.split_once('%')?;
    Some((ip.parse().ok()?, interface, port.parse().ok()?))
}

/// Returns the number of a network interface of this host, given its name or its number.
#[cfg(unix)]
fn interface_number(interface: &str) -> Option<u32> {
    use nix::net::if_::Interface;

    let number = interface.parse().ok();
    let all = nix::net::if_::if_nameindex().ok()?;
    let is_meant =
        |known: &&Interface| known.name().to_bytes() == interface.as_bytes() || number == Some(known.index());
    all.iter().find(is_meant).map(Interface::index)
}

/// Returns the number of a network interface. Windows names interfaces in addresses by number only.
#[cfg(not(unix))]
fn interface_number(interface: &str) -> Option<u32> {
    interface.parse().ok()
}

/// Returns the resolver's message, without the prefix that Rust's standard library adds.
fn resolver_message(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}

/// Returns the unspecified address and port of the family of `peer`.
pub(crate) fn unspecified(peer: SocketAddr) -> SocketAddr {
    if peer.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn link_local_address_has_its_interface_by_name_or_number() {
        let all = nix::net::if_::if_nameindex().unwrap();
        let first = all.iter().next().expect("a host has a loopback interface");
        let (name, number) = (first.name().to_str().unwrap().to_owned(), first.index());
        let expected = SocketAddrV6::new("fe80::1".parse().unwrap(), 1_234, 0, number).into();
        for interface in [name, number.to_string()] {
            let name = format!("[fe80::1%{interface}]:1234");
            let resolved = resolve(&name, Family::Any).await;
            assert_eq!(resolved.map_err(|failure| failure.to_string()), Ok(vec![expected]));
        }
        for unknown in ["none-such", "4000000000", ""] {
            let name = format!("[fe80::1%{unknown}]:1234");
            let error = format!("{name} does not resolve: this host has no network interface `{unknown}`");
            assert_eq!(resolve(&name, Family::Any).await.unwrap_err().to_string(), error);
        }
    }
}
