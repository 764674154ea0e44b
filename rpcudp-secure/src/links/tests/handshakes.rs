use std::time::Duration;

use super::network::{MS, Network, SECOND, identity, peer};
use crate::links::{Expected, LinkEnd, LinkEvent, Links, SendError};
use crate::options::LinkOptions;

#[test]
fn both_ends_learn_the_proven_key_of_the_other() {
    let (mut network, link) = Network::pair(1);
    network.send(0, link, b"hello");
    network.run(SECOND);
    let addr = network.nodes[1].addr;
    assert_eq!(network.events(0), [LinkEvent::Up { link, peer: peer(1), addr }]);
    let events = network.events(1);
    let [LinkEvent::Up { link: back, peer: caller, .. }, LinkEvent::Frame { frame, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((*caller, &frame[..]), (peer(0), &b"hello"[..]));
    network.send(1, *back, b"hello back");
    network.run(SECOND);
    assert_eq!(network.frames(0), [b"hello back"]);
}

/// The flight of the called end is one datagram, so that the first frame takes two round trips.
#[test]
fn first_frame_arrives_after_one_and_a_half_round_trips() {
    let (mut network, link) = Network::pair(1);
    network.send(0, link, b"hello");
    network.run(30 * MS);
    assert_eq!(network.frames(1), [b"hello"]);
    let callee: Vec<_> = network.trace.iter().filter(|(_, node, _)| *node == 1).collect();
    assert_eq!(callee[0].2, 1_200);
}

#[test]
fn another_key_than_the_pinned_one_ends_the_link_before_the_own_key_is_shown() {
    let (mut network, _) = Network::pair(1);
    let link = network.connect_to(0, 1, Expected::Key(peer(7)));
    network.send(0, link, b"secret");
    network.run(SECOND);
    let down = LinkEvent::Down { link, reason: LinkEnd::WrongPeer { expected: peer(7), found: peer(1) } };
    assert!(network.events(0).contains(&down));
    let events = network.events(1);
    assert_eq!(events.iter().filter(|event| matches!(event, LinkEvent::Up { .. })).count(), 1, "only the right one");
    assert!(!events.iter().any(|event| matches!(event, LinkEvent::Frame { .. })));
    assert_eq!(network.nodes[0].links.send(network.now, link, &b"secret"[..]), Err(SendError::Ended));
}

#[test]
fn key_that_is_not_allowed_is_refused() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default());
    network.add(LinkOptions::default().allow(|caller| caller == peer(2)));
    network.add(LinkOptions::default());
    let (refused, allowed) = (network.connect(0, 1), network.connect(2, 1));
    network.send(0, refused, b"stranger");
    network.send(2, allowed, b"friend");
    network.run(SECOND);
    assert!(network.events(0).contains(&LinkEvent::Down { link: refused, reason: LinkEnd::Refused }));
    assert_eq!(network.frames(1), [b"friend"]);
    assert_eq!(network.nodes[1].links.stats().failed, 1);
}

#[test]
fn panic_of_the_function_that_allows_keys_is_a_refusal() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default());
    network.add(LinkOptions::default().allow(|_| panic!("the user's function")));
    let link = network.connect(0, 1);
    network.run(SECOND);
    assert!(network.events(0).contains(&LinkEvent::Down { link, reason: LinkEnd::Refused }));
    assert_eq!(network.nodes[1].links.stats().panics, 0);
}

#[test]
fn any_key_is_accepted_without_a_pin() {
    let (mut network, _) = Network::pair(1);
    let link = network.connect_to(0, 1, Expected::Any);
    network.run(SECOND);
    let addr = network.nodes[1].addr;
    assert!(network.events(0).contains(&LinkEvent::Up { link, peer: peer(1), addr }));
    assert_eq!(network.connect_to(0, 1, Expected::Any), link, "one link for all");
}

#[test]
fn link_that_is_up_or_being_opened_is_used_again() {
    let (mut network, link) = Network::pair(1);
    assert_eq!(network.connect(0, 1), link);
    network.run(SECOND);
    assert_eq!(network.connect(0, 1), link);
    let events = network.events(1);
    let [LinkEvent::Up { link: back, .. }] = events[..] else { panic!("{events:?}") };
    assert_eq!(network.connect(1, 0), back, "the other end has opened it");
    assert_eq!(network.nodes[1].links.newest_to(peer(0)), Some(back));
}

#[test]
fn both_ends_may_open_a_link_at_the_same_time() {
    let (mut network, link) = Network::pair(1);
    let other = network.connect(1, 0);
    network.send(0, link, b"one");
    network.send(1, other, b"other");
    network.run(SECOND);
    assert_eq!((network.frames(0), network.frames(1)), (vec![b"other".to_vec()], vec![b"one".to_vec()]));
    assert_eq!(network.nodes[0].links.stats().up, 2);
}

#[test]
fn peer_that_does_not_respond_ends_the_link_after_the_idle_timeout() {
    let (mut network, link) = Network::pair(1);
    network.is_cut[1] = true;
    network.run(29 * SECOND);
    assert_eq!(network.events(0), []);
    network.run(5 * SECOND);
    assert_eq!(network.events(0), [LinkEvent::Down { link, reason: LinkEnd::NoAnswer }]);
}

#[test]
fn unspecified_address_cannot_be_called() {
    let (mut network, _) = Network::pair(1);
    for addr in ["0.0.0.0:7000", "[::]:7000", "10.0.0.1:0"] {
        let connected = network.nodes[0].links.connect(network.now, addr.parse().unwrap(), Expected::Any);
        assert_eq!(connected, Err(LinkEnd::NoAnswer));
    }
}

#[test]
fn closed_link_ends_at_both_ends() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.nodes[0].links.close(network.now, link);
    network.run(SECOND);
    assert!(network.events(0).contains(&LinkEvent::Down { link, reason: LinkEnd::Closed }));
    assert!(matches!(network.events(1)[..], [_, LinkEvent::Down { reason: LinkEnd::Closed, .. }]));
    assert_eq!(network.nodes[0].links.stats().up + network.nodes[1].links.stats().up, 0);
    assert_ne!(network.connect(0, 1), link);
}

#[test]
fn handshakes_end_well_on_lossy_paths() {
    for seed in 1..20 {
        let (mut network, link) = Network::pair(seed);
        network.loss = 0.3;
        network.latency = [20 * MS, 50 * MS];
        network.run(20 * SECOND);
        assert!(matches!(network.events(0)[..], [LinkEvent::Up { .. }]));
        let _ = link;
    }
}

/// The called end sends its keys twice, and gives the handshake up after five seconds.
#[test]
fn handshake_ends_well_after_outages_that_its_first_packets_do_not_survive() {
    for pattern in [[14, 518, 99, 604], [17, 518, 74, 600], [5, 400, 50, 900]] {
        let (mut network, _) = Network::pair(1);
        for (at, millis) in pattern.into_iter().enumerate() {
            network.is_cut.fill(at % 2 == 1);
            network.run(millis * MS);
        }
        network.is_cut.fill(false);
        network.run(2 * SECOND);
        assert!(matches!(network.events(0)[..], [LinkEvent::Up { .. }]), "{pattern:?}");
    }
}

/// A peer of Python's rpcudp decodes byte 21 of a datagram as msgpack, and ignores nil.
#[test]
fn first_datagram_means_nil_to_a_python_peer() {
    for seed in 0..50 {
        let mut links = Links::new(&identity(0), LinkOptions::default(), Network::new(1).now, [seed; 32]);
        let now = Network::new(1).now;
        links.connect(now, ([10, 0, 0, 1], 7_000).into(), Expected::Any).unwrap();
        links.flush(now, |datagram| assert_eq!((datagram.contents.len(), datagram.contents[21]), (1_200, 0xc0)));
    }
}

#[test]
fn idle_timeout_of_either_end_counts() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default().idle_timeout(5 * SECOND));
    network.add(LinkOptions::default());
    let link = network.connect(0, 1);
    network.run(4 * SECOND);
    assert_eq!(network.nodes[1].links.stats().up, 1);
    network.run(3 * SECOND);
    assert!(network.events(0).contains(&LinkEvent::Down { link, reason: LinkEnd::Lost }));
    assert_eq!(network.nodes[1].links.stats().up, 0);
    network.run(Duration::from_secs(60));
    assert_eq!(network.nodes[0].links.deadline(), None, "nothing is left of the link");
}
