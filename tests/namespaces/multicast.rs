//! Multicast and broadcast between hosts on a bridge.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rpcudp::{All, CallError, Endpoint, UdpOptions};

use crate::host::Host;
use crate::support::ms;
use crate::{PeerClient, PeerServer, Service, addr, addressed};

/// A caller at `10.0.0.1`, and three members of the groups.
fn hosts() -> Option<[Host; 4]> {
    addressed(Host::bridged())
}

const GROUP_V4: &str = "239.1.2.3:7000";

fn member(host: &Host, number: u8) -> Endpoint {
    let udp = UdpOptions::default()
        .join_multicast_v4(Ipv4Addr::new(239, 1, 2, 3), Ipv4Addr::new(10, 0, 0, number))
        .join_multicast_v6("ff05::1:3".parse().unwrap(), host.card_index());
    host.bind(Endpoint::builder().udp(udp).serve(PeerServer::new(Service)), "[::]:7000")
}

/// Far above the time that a response takes. A test that reaches it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the first peers that respond, in the order of their responses.
async fn responders<T>(all: All<T>, count: usize) -> Vec<SocketAddr> {
    let mut all = all.within(PATIENCE).spread(ms(60));
    let mut peers = Vec::new();
    while peers.len() < count {
        let (peer, result) = all.next().await.expect("as many peers respond");
        result.unwrap();
        peers.push(peer);
    }
    peers
}

#[tokio::test]
async fn three_hosts_respond_to_one_multicast_request_in_random_order() {
    let Some([caller, one, two, three]) = hosts() else { return };
    let members = [member(&one, 2), member(&two, 3), member(&three, 4)];
    let udp = UdpOptions::default()
        .multicast_interface_v4(Ipv4Addr::new(10, 0, 0, 1))
        .multicast_interface_v6(caller.card_index());
    let endpoint = caller.bind(Endpoint::builder().udp(udp), "[::]:0");
    for (group, expected) in [
        (GROUP_V4, ["10.0.0.2:7000", "10.0.0.3:7000", "10.0.0.4:7000"]),
        ("[ff05::1:3]:7000", ["[fd00::2]:7000", "[fd00::3]:7000", "[fd00::4]:7000"]),
    ] {
        let client = PeerClient::new(&endpoint, addr(group));
        let mut firsts = BTreeSet::new();
        for _ in 0..20 {
            let peers = responders(client.addresses().all(), 3).await;
            assert_eq!(BTreeSet::from_iter(peers.clone()), expected.map(addr).into());
            firsts.insert(peers[0]);
        }
        // With random waits, the same host is the first of all 20 with a probability of 3 ^ -19.
        assert!(firsts.len() > 1, "{firsts:?}");
    }
    let counts = members.each_ref().map(|member| member.stats().requests.received);
    assert_eq!((counts, endpoint.stats().calls.started), ([40; 3], 40), "one request reaches all");

    // To the end of the window, no other response arrives.
    let mut all = PeerClient::new(&endpoint, addr(GROUP_V4)).addresses().all().within(Duration::from_secs(2));
    let mut called = Vec::new();
    while let Some((_, result)) = all.next().await {
        called.push(result.unwrap().1);
    }
    assert_eq!(called, [GROUP_V4; 3], "the handler sees the address of the group");
}

#[tokio::test]
async fn broadcasts_reach_all_hosts_of_the_network() {
    let Some([caller, one, two, three]) = hosts() else { return };
    let _members = [(one, "0.0.0.0:7000"), (two, "[::]:7000"), (three, "0.0.0.0:7000")]
        .map(|(host, bound)| (host.bind(Endpoint::builder().serve(PeerServer::new(Service)), bound), host));
    // The limited broadcast leaves through the interface of the default route.
    caller.run_ip(&format!("route add default dev {}", Host::CARD));
    let endpoint = caller.bind(Endpoint::builder().udp(UdpOptions::default().broadcast(true)), "0.0.0.0:0");
    let expected = ["10.0.0.2:7000", "10.0.0.3:7000", "10.0.0.4:7000"].map(addr);
    for (address, shows_it) in [("255.255.255.255:7000", true), ("10.0.0.255:7000", false)] {
        let client = PeerClient::new(&endpoint, addr(address));
        let all = client.echo(b"?").all();
        let peers = responders(if shows_it { all } else { all.broadcast() }, 3).await;
        assert_eq!(BTreeSet::from_iter(peers), expected.into(), "{address}");
    }
    let forbidden = caller.bind(Endpoint::builder(), "0.0.0.0:0");
    let mut all = PeerClient::new(&forbidden, addr("255.255.255.255:7000")).echo(b"?").all();
    let Some((_, Err(CallError::Io { source, .. }))) = all.next().await else { panic!("it needs the option") };
    assert!(source.to_string().contains("`UdpOptions::broadcast` turns them on"), "{source}");
    assert!(all.next().await.is_none());
}

#[tokio::test]
async fn endpoint_with_several_sockets_receives_a_multicast_request_once() {
    let Some([caller, one, two, _]) = hosts() else { return };
    let group = Ipv4Addr::new(239, 1, 2, 3);
    let udp = UdpOptions::default().join_multicast_v4(group, Ipv4Addr::new(10, 0, 0, 2));
    let member = one.bind(Endpoint::builder().udp(udp).sockets(3).serve(PeerServer::new(Service)), "0.0.0.0:7000");
    // This host has a member of the group, and a server that is none.
    let udp = UdpOptions::default().join_multicast_v4(group, Ipv4Addr::new(10, 0, 0, 3));
    let _member = two.bind(Endpoint::builder().udp(udp.clone()).serve(PeerServer::new(Service)), "0.0.0.0:7001");
    let outsider = two.bind(Endpoint::builder().serve(PeerServer::new(Service)), "0.0.0.0:7000");

    let udp = UdpOptions::default().multicast_interface_v4(Ipv4Addr::new(10, 0, 0, 1));
    let endpoint = caller.bind(Endpoint::builder().udp(udp), "0.0.0.0:0");
    let mut all = PeerClient::new(&endpoint, addr(GROUP_V4)).echo(b"?").all().within(Duration::from_secs(2));
    assert_eq!(all.next().await.map(|(peer, _)| peer), Some(addr("10.0.0.2:7000")));
    assert!(all.next().await.is_none());
    assert_eq!((member.stats().requests.received, outsider.stats().requests.received), (1, 0));
}

#[tokio::test]
async fn members_on_one_host_share_a_port_and_the_loop_can_be_off() {
    let Some([host, other, _, _]) = hosts() else { return };
    let own = Ipv4Addr::new(10, 0, 0, 1);
    let udp = UdpOptions::default().join_multicast_v4(Ipv4Addr::new(239, 1, 2, 3), own).reuse_address(true);
    let udp = udp.multicast_interface_v4(own).multicast_ttl(1);
    let serving = |udp: UdpOptions| Endpoint::builder().udp(udp).serve(PeerServer::new(Service));
    let [first, second] =
        [true, false].map(|loops| host.bind(serving(udp.clone().multicast_loop(loops)), "0.0.0.0:7000"));
    let _other = member(&other, 2);
    let mut received = BTreeMap::new();
    for (name, endpoint) in [("loop", &first), ("no loop", &second)] {
        let before = [&first, &second].map(|member| member.stats().requests.received);
        let mut all = PeerClient::new(endpoint, addr(GROUP_V4)).echo(b"?").all().within(Duration::from_secs(1));
        while all.next().await.is_some() {}
        let after = [&first, &second].map(|member| member.stats().requests.received);
        received.insert(name, [0, 1].map(|index| after[index] - before[index]));
    }
    assert_eq!((received["loop"], received["no loop"]), ([1, 1], [0, 0]));
}
