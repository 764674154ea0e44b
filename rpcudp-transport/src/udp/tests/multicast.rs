use std::net::Ipv4Addr;

use super::*;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 77, 1, 4);

#[tokio::test]
async fn member_receives_the_datagrams_to_its_group_only() {
    let member = UdpOptions::default().join_multicast_v4(GROUP, Ipv4Addr::LOCALHOST);
    let sender = UdpOptions::default().multicast_interface_v4(Ipv4Addr::LOCALHOST).multicast_ttl(0);
    for bound in ["0.0.0.0:0", "[::]:0"] {
        let bind = |options| Udp::bind(bound.parse().unwrap(), options).unwrap();
        let (member, sender) = (bind(&member), bind(&sender));
        let port = member.local_addr().port();
        for (ip, contents) in [(Ipv4Addr::new(239, 77, 1, 5), b"other"), (GROUP, b"group")] {
            send(&sender, (ip, port).into(), contents).await;
        }
        let batch = receive(&member).await;
        let datagram = batch.iter().next().unwrap();
        assert_eq!((datagram.contents, datagram.local), (&b"group"[..], Some(GROUP.into())), "{bound}");
        assert_eq!(datagram.source, (Ipv4Addr::LOCALHOST, sender.local_addr().port()).into(), "{bound}");
    }
}

#[tokio::test]
async fn sockets_share_an_address_if_both_say_so() {
    let options = UdpOptions::default().reuse_address(true);
    let first = Udp::bind("127.0.0.1:0".parse().unwrap(), &options).unwrap();
    Udp::bind(first.local_addr(), &options).unwrap();
    let error = Udp::bind(first.local_addr(), &UdpOptions::default()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn impossible_memberships_say_what_is_wrong() {
    let join = |options: UdpOptions| Udp::bind("0.0.0.0:0".parse().unwrap(), &options).unwrap_err().to_string();
    let unspecified = Ipv4Addr::UNSPECIFIED;
    let options = UdpOptions::default;
    assert_eq!(
        join(options().join_multicast_v4(Ipv4Addr::new(10, 0, 0, 1), unspecified)),
        "10.0.0.1 is not a multicast address: groups are 224.0.0.0 to 239.255.255.255"
    );
    assert_eq!(
        join(options().join_multicast_v6("fe80::1".parse().unwrap(), 0)),
        "fe80::1 is not a multicast address: groups are ff00::/8"
    );
    let error = join(options().join_multicast_v4(GROUP, Ipv4Addr::new(192, 0, 2, 1)));
    assert!(error.starts_with(&format!("cannot join the multicast group {GROUP}: ")), "{error}");
    let error = join(options().multicast_interface_v4(Ipv4Addr::new(192, 0, 2, 1)));
    assert!(error.starts_with("multicast datagrams cannot leave through the interface 192.0.2.1: "), "{error}");
}
