//! Which addresses are worth a datagram, and which of them are neighbours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rpcudp::transport::canonical;

/// Who counts as one stranger: whoever commands one address of a network usually commands all of it.
///
/// On the internet a /24 of IPv4 or a /64 of IPv6, which is what one customer gets. In a local network every socket is a
/// stranger of its own: a test swarm on one host is no attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subnet {
    /// The first three bytes of an IPv4 address.
    V4([u8; 3]),
    /// The first eight bytes of an IPv6 address.
    V6([u8; 8]),
    /// One socket on this host or in a private network.
    Local(SocketAddr),
}

/// How far an address reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Loopback,
    Private,
    Global,
}

impl Subnet {
    /// The one that an address belongs to.
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

/// Whether a datagram may be sent to `addr` because `referrer` says that a node is there; without an referrer, because
/// our own user does.
///
/// Not to port 0, to no host, to many hosts, or to this network. And not further inside than the referrer is: a stranger
/// on the internet who names a loopback or a private address wants us to knock on doors that are closed to it.
#[must_use]
pub fn is_contactable(addr: SocketAddr, referrer: Option<SocketAddr>) -> bool {
    let ip = canonical(addr).ip();
    let is_host = match ip {
        // 0.0.0.0/8 is this network, 224.0.0.0/4 multicast, 240.0.0.0/4 reserved with broadcast as its last.
        IpAddr::V4(ip) => (1..224).contains(&ip.octets()[0]),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    };
    let is_within_scope = referrer.is_none_or(|referrer| scope(ip) >= scope(canonical(referrer).ip()));
    is_host && addr.port() != 0 && is_within_scope
}

fn scope(ip: IpAddr) -> Scope {
    let is_site = match ip {
        ip if ip.is_loopback() => return Scope::Loopback,
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || is_carrier_grade(ip),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || is_site_local(ip),
    };
    if is_site { Scope::Private } else { Scope::Global }
}

/// 100.64.0.0/10: between a provider's NAT and its customers.
fn is_carrier_grade(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    a == 100 && b & 0xc0 == 64
}

/// fec0::/10: what private addresses were in IPv6 before unique local ones.
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
    fn absurd_addresses_are_worth_nothing() {
        for absurd in [
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
            assert!(!is_contactable(addr(absurd), None), "{absurd}");
        }
        for honest in ["8.8.8.8:1", "127.0.0.1:65535", "10.0.0.1:1", "[::1]:1", "[2001:db8::1]:1"] {
            assert!(is_contactable(addr(honest), None), "{honest}");
        }
    }

    #[test]
    fn strangers_do_not_point_inside() {
        let (world, site, host) = (addr("8.8.8.8:1"), addr("192.168.1.1:1"), addr("127.0.0.1:1"));
        for (told, referrer, believed) in [
            (world, host, true),
            (site, host, true),
            (host, host, true),
            (world, site, true),
            (site, site, true),
            (host, site, false),
            (world, world, true),
            (site, world, false),
            (host, world, false),
            (addr("[::ffff:10.0.0.1]:1"), world, false),
            (addr("[fe80::1]:1"), addr("[2001:db8::1]:1"), false),
            (addr("100.64.0.1:1"), world, false),
        ] {
            assert_eq!(is_contactable(told, Some(referrer)), believed, "{told} told by {referrer}");
        }
    }

    #[test]
    fn neighbours_share_a_prefix_on_the_internet_and_nothing_at_home() {
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
