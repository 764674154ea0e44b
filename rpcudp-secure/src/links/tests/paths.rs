use std::net::IpAddr;

use super::network::{Network, SECOND};
use crate::options::LinkOptions;

/// Sends a frame of 8,000 bytes each way between two nodes at addresses that begin so. Returns the
/// length of the longest datagram.
fn longest_datagram(options: [LinkOptions; 2], ip: [u8; 3]) -> usize {
    let mut network = Network::new(1);
    for (node, options) in (0..).zip(options) {
        network.add(options);
        network.nodes[node].addr.set_ip(IpAddr::from([ip[0], ip[1], ip[2], node as u8 + 1]));
    }
    let link = network.connect(0, 1);
    network.send(0, link, &[7; 8_000]);
    network.run(SECOND);
    assert_eq!(network.frames(1), [[7; 8_000]]);
    let back = network.nodes[1].links.newest_to(network.nodes[0].links.peer_id()).unwrap();
    network.send(1, back, &[8; 8_000]);
    network.run(SECOND);
    assert_eq!(network.frames(0), [[8; 8_000]]);
    network.trace.iter().map(|(_, _, len)| *len).max().unwrap_or_default()
}

#[test]
fn packets_are_large_on_loopback_unless_their_length_is_set() {
    let default = LinkOptions::default;
    assert!(longest_datagram([default(), default()], [127, 0, 0]) > 8_000);
    assert_eq!(longest_datagram([default(), default()], [10, 0, 0]), 1_200);
    let set = || LinkOptions::default().mtu(1_452);
    assert_eq!(longest_datagram([set(), set()], [127, 0, 0]), 1_452);
    assert!(longest_datagram([set(), default()], [127, 0, 0]) > 8_000, "the other end has the default");
}
