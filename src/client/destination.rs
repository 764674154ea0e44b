use std::net::{IpAddr, Ipv4Addr};

/// Returns whether a datagram to this address reaches several hosts. The broadcast address of a
/// network, such as 192.168.1.255, does not show it.
pub(super) fn reaches_several(ip: IpAddr) -> bool {
    ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multicast_and_broadcast_addresses_reach_several_hosts() {
        for (ip, expected) in [
            ("224.0.0.1", true),
            ("239.255.255.255", true),
            ("ff02::1", true),
            ("255.255.255.255", true),
            ("223.255.255.255", false),
            ("240.0.0.1", false),
            ("192.168.1.255", false),
            ("fe80::1", false),
        ] {
            assert_eq!(reaches_several(ip.parse().unwrap()), expected, "{ip}");
        }
    }
}
