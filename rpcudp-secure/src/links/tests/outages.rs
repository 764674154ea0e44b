use std::mem;

use super::network::{MS, Network, SECOND, identity, peer};
use crate::links::{Expected, LinkEnd, LinkEvent, Links};
use crate::options::LinkOptions;

#[test]
fn same_seed_gives_the_same_run() {
    let trace = |seed| {
        let (mut network, link) = Network::pair(seed);
        (network.loss, network.latency) = (0.1, [20 * MS, 30 * MS]);
        for number in 0..200 {
            let frame = vec![number; 100 * usize::from(number)];
            let _ = network.nodes[0].links.send(network.now, link, frame);
            network.run(20 * MS);
        }
        network.run(40 * SECOND);
        mem::take(&mut network.trace)
    };
    for seed in 1..4 {
        let first = trace(seed);
        assert!(first.len() > 1_000, "{}", first.len());
        assert_eq!(first, trace(seed));
    }
    assert_ne!(trace(1), trace(2));
}

#[test]
fn peer_that_has_restarted_ends_the_link_in_one_round_trip() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.nodes[1].links = Links::new(&identity(1), LinkOptions::default(), network.now, [99; 32]);
    network.events(0);
    network.send(0, link, &[7; 100]);
    network.run(25 * MS);
    assert_eq!(network.events(0), [LinkEvent::Down { link, reason: LinkEnd::Lost }]);
    let link = network.connect(0, 1);
    network.send(0, link, b"again");
    network.run(SECOND);
    assert_eq!(network.frames(1), [b"again"]);
}

/// A peer with another identity does not know the key of the resets.
#[test]
fn reset_of_another_identity_ends_no_link() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.nodes[1].links = Links::new(&identity(9), LinkOptions::default(), network.now, [99; 32]);
    network.events(0);
    network.send(0, link, &[7; 100]);
    network.run(10 * SECOND);
    assert_eq!(network.events(0), []);
}

/// Whether a packet to an address is answered there by a table with the same identity that has not
/// opened its link, with a reset that its peer accepts.
fn is_reset_by_another(addr_of_other: Option<u16>, addr: Option<u16>) -> bool {
    let options = |port: Option<u16>| {
        let addr = port.map(|port| ([10, 0, 0, 1], port).into());
        addr.map_or_else(LinkOptions::default, |addr| LinkOptions::default().local_addr(addr))
    };
    let mut network = Network::new(1);
    network.add(LinkOptions::default());
    network.add(options(addr));
    let link = network.connect(0, 1);
    network.run(SECOND);
    network.events(0);
    // The other table gets the packets of the link, and its resets arrive in the first one's name.
    network.nodes[1].links = Links::new(&identity(1), options(addr_of_other), network.now, [99; 32]);
    network.send(0, link, &[7; 100]);
    network.run(SECOND);
    let lost = LinkEvent::Down { link, reason: LinkEnd::Lost };
    network.events(0).contains(&lost)
}

#[test]
fn table_with_the_same_identity_at_another_address_resets_no_link() {
    assert!(is_reset_by_another(Some(7_000), Some(7_000)), "the same, after a restart");
    assert!(!is_reset_by_another(Some(7_001), Some(7_000)));
    assert!(is_reset_by_another(None, None) && !is_reset_by_another(None, Some(7_000)));
}

#[test]
fn partition_longer_than_the_idle_timeout_ends_the_link_at_both_ends() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.is_cut[1] = true;
    network.send(0, link, b"lost");
    network.run(60 * SECOND);
    network.is_cut[1] = false;
    assert!(network.events(0).contains(&LinkEvent::Down { link, reason: LinkEnd::Lost }));
    assert!(matches!(network.events(1)[..], [_, LinkEvent::Down { reason: LinkEnd::Lost, .. }]));
    let link = network.connect(0, 1);
    network.send(0, link, b"again");
    network.run(SECOND);
    assert_eq!(network.frames(1), [b"again"]);
}

#[test]
fn partition_shorter_than_the_idle_timeout_ends_no_link() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.is_cut[1] = true;
    network.run(20 * SECOND);
    network.is_cut[1] = false;
    network.send(0, link, b"still here");
    network.run(SECOND);
    assert_eq!(network.frames(1), [b"still here"]);
}

#[test]
fn link_follows_a_caller_to_another_address() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    let back = network.nodes[1].links.newest_to(peer(0)).unwrap();
    for port in 8_000..8_003 {
        network.nodes[0].addr.set_port(port);
        network.send(0, link, b"moved");
        network.run(SECOND);
        assert_eq!(network.frames(1), [b"moved"]);
        assert_eq!(network.nodes[1].links.addr(back), Some(network.nodes[0].addr));
        network.send(1, back, b"found");
        network.run(SECOND);
        assert_eq!(network.frames(0), [b"found"]);
    }
}

#[test]
fn panic_ends_all_links_and_no_more() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.events(0);
    network.nodes[0].links.panics_next = true;
    assert!(network.nodes[0].links.send(network.now, link, &b"lost"[..]).is_err());
    network.flush();
    assert_eq!(network.events(0), [LinkEvent::Down { link, reason: LinkEnd::Lost }]);
    assert_eq!(network.nodes[0].links.stats().panics, 1);
    assert!(!network.nodes[0].links.has_events());
    let again = network.connect_to(0, 1, Expected::Key(peer(1)));
    assert_ne!(again, link);
    network.send(0, again, b"again");
    network.run(SECOND);
    assert_eq!(network.frames(1), [b"again"]);
}

#[test]
fn panic_while_sending_is_seen_as_an_event() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.events(0);
    network.send(0, link, b"lost");
    let links = &mut network.nodes[0].links;
    links.panics_next = true;
    links.flush(network.now, |_| panic!("nothing is sent"));
    assert!(links.has_events());
    assert_eq!(links.poll(), Some(LinkEvent::Down { link, reason: LinkEnd::Lost }));
    assert!(!links.has_events());
}
