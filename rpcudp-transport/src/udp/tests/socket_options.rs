use super::bind;
use crate::{Udp, UdpOptions};

#[tokio::test]
async fn fragmentation_is_allowed_in_both_families_and_no_icmp_message_changes_it() {
    use nix::libc;
    use nix::sys::socket::{getsockopt, sockopt::Ipv6DontFrag};
    use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};

    sockopt_impl!(
        /// The option that the code under test sets.
        IpMtuDiscover,
        Both,
        libc::IPPROTO_IP,
        libc::IP_MTU_DISCOVER,
        i32
    );
    sockopt_impl!(
        /// The option that the code under test sets.
        Ipv6MtuDiscover,
        Both,
        libc::IPPROTO_IPV6,
        libc::IPV6_MTU_DISCOVER,
        i32
    );
    assert_eq!(getsockopt(&**bind("127.0.0.1:0").socket.socket, IpMtuDiscover).unwrap(), libc::IP_PMTUDISC_OMIT);
    if let Ok(both) = Udp::bind("[::]:0".parse().unwrap(), &UdpOptions::default()) {
        assert_eq!(getsockopt(&**both.socket.socket, IpMtuDiscover).unwrap(), libc::IP_PMTUDISC_OMIT);
        assert_eq!(getsockopt(&**both.socket.socket, Ipv6MtuDiscover).unwrap(), libc::IPV6_PMTUDISC_OMIT);
        assert!(!getsockopt(&**both.socket.socket, Ipv6DontFrag).unwrap());
    }
}

#[tokio::test]
async fn only_the_needed_control_messages_are_enabled() {
    use nix::sys::socket::getsockopt;
    use nix::sys::socket::sockopt::{IpRecvTos, Ipv4PacketInfo, Ipv6RecvPacketInfo, ReceiveTimestampns, UdpGroSegment};

    for (addr, has_one_address) in [("127.0.0.1:0", true), ("0.0.0.0:0", false), ("[::1]:0", true), ("[::]:0", false)] {
        let Ok(udp) = Udp::bind(addr.parse().unwrap(), &UdpOptions::default()) else { continue };
        let socket = &**udp.socket.socket;
        // A socket that may receive datagrams one by one begins in that mode, without GRO.
        assert_eq!(getsockopt(socket, UdpGroSegment).unwrap(), !has_one_address, "{addr}");
        assert!(!getsockopt(socket, ReceiveTimestampns).unwrap(), "{addr}");
        assert!(!getsockopt(socket, IpRecvTos).unwrap(), "{addr}");
        if addr.starts_with('[') {
            assert_eq!(getsockopt(socket, Ipv6RecvPacketInfo).unwrap(), !has_one_address, "{addr}");
        } else {
            assert_eq!(getsockopt(socket, Ipv4PacketInfo).unwrap(), !has_one_address, "{addr}");
        }
    }
}
