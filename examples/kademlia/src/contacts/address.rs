//! IP addresses: the subnet that a contact belongs to, and the addresses that a node sends to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use rpcudp::transport::canonical;

/// A group of addresses that are limited together, because one attacker often controls all of them.
///
/// On the internet this is a /24 of IPv4 or a /64 of IPv6, which is the usual allocation of one
/// customer. On loopback and in private networks each socket is a group of its own, so that a swarm
/// of test nodes on one host is not limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subnet {
    /// The first three bytes of an IPv4 address.
    V4([u8; 3]),
    /// The first eight bytes of an IPv6 address.
    V6([u8; 8]),
    /// One socket on this host or in a private network.
    Local(SocketAddr),
}

/// The part of the network in which an address is reachable, from the smallest to the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Loopback,
    Private,
    Global,
}

impl Subnet {
    /// Returns the subnet of an address.
    #[must_use]
    pub fn of(addr: SocketAddr) -> Self {
        let addr = canonical(addr);
        if scope(addr.ip()) < Scope::Global {
            return Self::Local(addr);
        }
        match addr.ip() {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, g, h, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// Returns whether this node may send a datagram to a contact's address.
///
/// `referrer` is the peer that returned the contact, or `None` if the user gave the address.
///
/// Port 0 and unspecified, multicast, broadcast and reserved addresses are refused. So is an
/// address in a smaller scope than the referrer's: a peer on the internet must not make this node
/// probe its loopback interface or its private network. A link-local IPv6 address that a peer has
/// returned needs a scope, which says on which interface it is.
#[must_use]
pub fn is_contactable(addr: SocketAddr, referrer: Option<SocketAddr>) -> bool {
    let addr = canonical(addr);
    let ip = addr.ip();
    let lacks_scope = matches!(addr, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0);
    let is_unicast = match ip {
        // 0.0.0.0/8 is this network, 224.0.0.0/4 multicast, 240.0.0.0/4 reserved and broadcast.
        IpAddr::V4(ip) => (1..224).contains(&ip.octets()[0]),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    };
    let is_within_scope = referrer.is_none_or(|referrer| scope(ip) >= scope(canonical(referrer).ip()));
    is_unicast && addr.port() != 0 && is_within_scope && !(lacks_scope && referrer.is_some())
}

/// Returns a contact's address, if it is link-local, with the scope of the referrer: both are on
/// the same link.
pub(crate) fn with_scope(addr: SocketAddr, referrer: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0 => match canonical(referrer) {
            SocketAddr::V6(referrer) => SocketAddrV6::new(*v6.ip(), v6.port(), 0, referrer.scope_id()).into(),
            SocketAddr::V4(_) => addr,
        },
        _ => addr,
    }
}

fn scope(ip: IpAddr) -> Scope {
    let is_private = match ip {
        ip if ip.is_loopback() => return Scope::Loopback,
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || is_shared(ip),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || is_site_local(ip),
    };
    if is_private { Scope::Private } else { Scope::Global }
}

/// Returns whether an address is in 100.64.0.0/10, between a provider's NAT and its customers.
fn is_shared(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    a == 100 && b & 0xc0 == 64
}

/// Returns whether an address is in fec0::/10, the private addresses of IPv6 before unique local
/// ones.
fn is_site_local(ip: Ipv6Addr) -> bool {
    ip.segments()[0] & 0xffc0 == 0xfec0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_that_no_node_can_have_are_refused() {
        for invalid in [
            "8.8.8.8:0",
            "0.0.0.0:1",
            "0.1.2.3:1",
            "224.0.0.1:1",
            "239.255.255.255:1",
            "255.255.255.255:1",
            "250.1.1.1:1",
            "[::]:1",
            "[ff02::1]:1",
            "[::ffff:0.0.0.0]:1",
            "[::ffff:224.0.0.1]:1",
        ] {
            assert!(!is_contactable(addr(invalid), None), "{invalid}");
        }
        for valid in ["8.8.8.8:1", "127.0.0.1:65535", "10.0.0.1:1", "[::1]:1", "[2001:db8::1]:1"] {
            assert!(is_contactable(addr(valid), None), "{valid}");
        }
    }

    #[test]
    fn a_referrer_names_no_address_in_a_smaller_scope_than_its_own() {
        let (global, private, loopback) = (addr("8.8.8.8:1"), addr("192.168.1.1:1"), addr("127.0.0.1:1"));
        for (contact, referrer, expected) in [
            (global, loopback, true),
            (private, loopback, true),
            (loopback, loopback, true),
            (global, private, true),
            (private, private, true),
            (loopback, private, false),
            (global, global, true),
            (private, global, false),
            (loopback, global, false),
            (addr("[::ffff:10.0.0.1]:1"), global, false),
            (addr("[fe80::1]:1"), addr("[2001:db8::1]:1"), false),
            (addr("100.64.0.1:1"), global, false),
        ] {
            assert_eq!(is_contactable(contact, Some(referrer)), expected, "{contact} from {referrer}");
        }
    }

    #[test]
    fn a_link_local_contact_has_the_scope_of_its_referrer() {
        let (contact, neighbour) = (addr("[fe80::1]:1"), addr("[fe80::2%3]:2"));
        assert_eq!(with_scope(contact, neighbour), addr("[fe80::1%3]:1"));
        assert!(is_contactable(with_scope(contact, neighbour), Some(neighbour)));
        // A referrer at an address without scope cannot say which link it means.
        let private = addr("[fd00::2]:2");
        assert_eq!(with_scope(contact, private), contact);
        assert!(!is_contactable(contact, Some(private)) && !is_contactable(contact, Some(addr("[::1]:1"))));
        // Other addresses have none.
        assert_eq!(with_scope(addr("[2001:db8::1]:1"), neighbour), addr("[2001:db8::1]:1"));
        assert_eq!(with_scope(addr("10.0.0.1:1"), neighbour), addr("10.0.0.1:1"));
    }

    #[test]
    fn a_subnet_is_a_prefix_on_the_internet_and_one_socket_in_private_networks() {
        let of = |text| Subnet::of(addr(text));
        assert_eq!(of("8.8.8.8:1"), of("8.8.8.200:2"));
        assert_ne!(of("8.8.8.8:1"), of("8.8.9.8:1"));
        assert_eq!(of("[::ffff:8.8.8.8]:1"), of("8.8.8.1:1"));
        assert_eq!(of("[2001:db8:1:2::1]:1"), of("[2001:db8:1:2:ffff::]:2"));
        assert_ne!(of("[2001:db8:1:2::1]:1"), of("[2001:db8:1:3::1]:1"));
        assert_ne!(of("127.0.0.1:1"), of("127.0.0.1:2"));
        assert_ne!(of("192.168.1.1:1"), of("192.168.1.2:1"));
    }
}
