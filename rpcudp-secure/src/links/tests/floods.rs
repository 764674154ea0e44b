use std::net::SocketAddr;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::network::{MS, Network, Node, SECOND, identity, peer};
use crate::links::{Expected, LinkEnd, LinkEvent, Links};
use crate::options::LinkOptions;

/// Returns the first datagram of a handshake, from a new caller.
fn initial(network: &Network, seed: u8) -> Vec<u8> {
    let mut links = Links::new(&identity(seed), LinkOptions::default(), network.now, [seed; 32]);
    links.connect(network.now, network.nodes[0].addr, Expected::Any).unwrap();
    let mut initial = Vec::new();
    links.flush(network.now, |datagram| initial.extend_from_slice(datagram.contents));
    initial
}

fn forged(number: usize) -> SocketAddr {
    ([10, 9, (number >> 8) as u8, number as u8], 7_000).into()
}

#[test]
fn handshakes_in_forged_names_are_bounded_and_amplify_at_most_threefold() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default());
    network.add(LinkOptions::default());
    for number in 0..100 {
        let initial = initial(&network, number as u8 + 10);
        network.inject(forged(number), 0, &initial);
    }
    network.flush();
    let stats = network.nodes[0].links.stats();
    assert_eq!((stats.handshaking, stats.retried), (32, 68));

    // A caller that has its address gets through meanwhile.
    let link = network.connect(1, 0);
    network.send(1, link, b"hello");
    network.run(SECOND);
    assert_eq!(network.frames(0), [b"hello"]);
    assert_eq!(network.nodes[0].links.stats().retried, 69);

    network.run(20 * SECOND);
    assert_eq!(network.nodes[0].links.stats().handshaking, 0, "each has five seconds");
    let (received, sent) = (network.nodes[0].received_len, network.nodes[0].sent_len);
    assert!(sent <= 3 * received, "{sent} bytes were sent for {received}");
    assert!(network.events(0).iter().all(|event| !matches!(event, LinkEvent::Down { .. })), "they were no links");
}

#[test]
fn caller_gets_through_a_flood_that_exceeds_the_retries_of_a_second() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default());
    network.add(LinkOptions::default());
    let initial = initial(&network, 10);
    let flood = |network: &mut Network, count: usize| {
        for number in 0..count {
            let mut forged_initial = initial.clone();
            // Another id: QUIC cannot decrypt the packet, which it finds after it has derived keys.
            forged_initial[6..10].copy_from_slice(&(number as u32).to_be_bytes());
            network.inject(forged(number), 0, &forged_initial);
        }
    };
    flood(&mut network, 9_000);
    let link = network.connect(1, 0);
    network.send(1, link, b"hello");
    network.run(15 * MS);
    flood(&mut network, 20_000);
    let stats = network.nodes[0].links.stats();
    assert!(stats.ignored >= 18_000, "{stats:?}");
    network.run(SECOND);
    assert_eq!(network.frames(0), [b"hello"]);
    assert_eq!(network.nodes[0].links.stats().handshaking, 0);
}

/// Passes the first datagram of a handshake, and returns the id that the response is from.
fn id_of_the_response(network: &mut Network, source: SocketAddr, initial: &[u8]) -> Vec<u8> {
    network.inject(source, 0, initial);
    let (mut id, now) = (Vec::new(), network.now);
    network.nodes[0].links.flush(now, |datagram| {
        let ids = &datagram.contents[5..];
        let own = &ids[1 + usize::from(ids[0])..];
        id = own[1..][..usize::from(own[0])].to_vec();
    });
    id
}

/// The attacker reads a Retry to its own address, and has the id of a handshake that has ended.
#[test]
fn flood_to_ids_of_the_endpoint_holds_up_no_handshake_in_either_direction() {
    let mut network = Network::new(1);
    (0..3).for_each(|_| _ = network.add(LinkOptions::default()));
    let initials: Vec<_> = (10..50).map(|seed| initial(&network, seed)).collect();
    let ended = id_of_the_response(&mut network, forged(0), &initials[0]);
    network.run(20 * SECOND);
    let mut ids: Vec<_> =
        (1..40).map(|number| id_of_the_response(&mut network, forged(number), &initials[number])).collect();
    let retry = ids.pop().unwrap();
    assert_eq!((ended.len(), retry.len(), network.nodes[0].links.stats().retried), (8, 8, 7));

    let incoming = network.connect(1, 0);
    network.send(1, incoming, b"incoming");
    let outgoing = network.connect(0, 2);
    network.send(0, outgoing, b"outgoing");
    network.run(15 * MS);
    assert_eq!(network.nodes[0].links.stats().retried, 8, "the caller must show that it has its address");
    for id in [&ended, &retry] {
        // The header, the id, and the rest of a datagram.
        let datagram = [&initials[0][..5], &[8], id, &initials[0][26..], &[0; 12]].concat();
        (0..20_000).for_each(|number| network.inject(forged(number), 0, &datagram));
    }
    network.run(150 * MS);
    assert_eq!((network.frames(0), network.frames(2)), (vec![b"incoming".to_vec()], vec![b"outgoing".to_vec()]));
}

/// QUIC drops them before it derives keys.
#[test]
fn short_datagrams_of_a_flood_keep_no_caller_out() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default());
    network.add(LinkOptions::default());
    let mut initial = initial(&network, 10);
    initial.truncate(1_199);
    for number in 0..20_000 {
        // Every second one is of another version of QUIC.
        initial[4] = 1 + number as u8 % 2;
        network.inject(forged(number), 0, &initial);
    }
    let link = network.connect(1, 0);
    network.send(1, link, b"hello");
    network.run(100 * MS);
    assert_eq!(network.frames(0), [b"hello"]);
}

#[test]
fn one_handshake_in_a_forged_name_amplifies_at_most_threefold() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default());
    let initial = initial(&network, 10);
    network.inject(forged(1), 0, &initial);
    network.run(60 * SECOND);
    assert!((1_200..=3_600).contains(&network.nodes[0].sent_len), "{}", network.nodes[0].sent_len);
}

#[test]
fn repeats_of_a_first_datagram_begin_one_handshake() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default());
    let initial = initial(&network, 10);
    (0..100).for_each(|_| network.inject(forged(1), 0, &initial));
    assert_eq!(network.nodes[0].links.stats().handshaking, 1);
    network.run(60 * SECOND);
    assert!(network.nodes[0].sent_len <= 3 * network.nodes[0].received_len);
}

#[test]
fn garbage_gets_no_response() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default());
    let mut rng = StdRng::seed_from_u64(1);
    for number in 0..20_000 {
        let mut garbage = vec![0; 1 + rng.next_u32() as usize % 1_300];
        rng.fill_bytes(&mut garbage);
        garbage[0] |= 0x40;
        // No response to another version than 1 is longer than the datagram.
        network.inject(forged(number), 0, &garbage);
    }
    network.run(SECOND);
    let node = &network.nodes[0];
    assert_eq!(node.links.stats().handshaking, 0);
    let negotiations = network.trace.len();
    assert!(node.sent_len < 60 * negotiations, "version negotiation alone, which is short");
    assert_eq!(node.links.stats().panics, 0);
}

#[test]
fn changed_datagrams_of_a_handshake_neither_panic_nor_end_a_link() {
    for seed in 0..30_u64 {
        let (mut network, link) = Network::pair(seed);
        let mut rng = StdRng::seed_from_u64(seed);
        let (near, far) = (network.nodes[0].addr, network.nodes[1].addr);
        for _ in 0..20 {
            let mut datagrams = Vec::new();
            network.nodes[0].links.flush(network.now, |datagram| datagrams.push(datagram.contents.to_vec()));
            for datagram in &datagrams {
                let mut changed = datagram.clone();
                let at = rng.next_u32() as usize % changed.len();
                changed[at] ^= 1 << (rng.next_u32() % 8);
                changed[0] |= 0x40;
                network.inject(near, 1, &changed);
                network.inject(near, 1, &datagram[..1 + rng.next_u32() as usize % datagram.len()]);
                network.inject(near, 1, datagram);
            }
            let mut responses = Vec::new();
            network.nodes[1].links.flush(network.now, |datagram| responses.push(datagram.contents.to_vec()));
            responses.iter().for_each(|response| network.inject(far, 0, response));
            network.run(5 * MS);
        }
        network.run(SECOND);
        network.send(0, link, b"still here");
        network.run(SECOND);
        assert_eq!(network.frames(1), [b"still here"], "seed {seed}");
        assert_eq!(network.nodes.iter().map(|node| node.links.stats().panics).sum::<u64>(), 0);
    }
}

/// Small datagrams to the connection of a handshake would each raise the limit a little.
#[test]
fn small_datagrams_in_a_forged_name_amplify_at_most_threefold() {
    for len in [22, 40, 100, 400] {
        let mut network = Network::new(1);
        network.add(LinkOptions::default());
        let initial = initial(&network, 10);
        for number in 0..40 {
            // The header of a first packet, which names the connection.
            let datagram = if number == 0 { &initial[..] } else { &initial[..len] };
            network.inject(forged(1), 0, datagram);
            network.run(200 * MS);
            let Node { received_len, sent_len, .. } = &network.nodes[0];
            assert!(*sent_len <= 3 * received_len, "{sent_len} bytes were sent for {received_len}, {len} each");
        }
    }
}

/// A peer with a link asks for much, and sends from then on in the names of victims, as if it moved
/// from one to the next. QUIC asks each for a proof of the address, with a packet of full length.
#[test]
fn forged_moves_of_a_peer_are_bounded() {
    for victim_count in [1, 2, 100] {
        let (mut network, link) = Network::pair(victim_count as u64);
        network.run(SECOND);
        let back = network.nodes[1].links.newest_to(peer(0)).unwrap();
        network.send(1, back, &[7; 8_000_000]);
        network.run(100 * MS);
        let addrs = [0, 1].map(|number| network.nodes[number].addr);
        let (mut received_len, mut sent_len, mut number) = (0, 0, 0);
        for step in 1..4_000 {
            network.now += 5 * MS;
            for node in &mut network.nodes {
                if node.links.deadline().is_some_and(|at| at <= network.now) {
                    node.links.handle_timeout(network.now);
                }
            }
            let _ = network.nodes[0].links.send(network.now, link, &b"moved"[..]);
            let mut datagrams = Vec::new();
            network.nodes[0].links.flush(network.now, |datagram| datagrams.push(datagram.contents.to_vec()));
            for datagram in datagrams {
                received_len += datagram.len();
                number += 1;
                network.inject(forged(number % victim_count), 1, &datagram);
            }
            let mut responses = Vec::new();
            network.nodes[1].links.flush(network.now, |datagram| {
                if datagram.destination == addrs[0] {
                    responses.push(datagram.contents.to_vec());
                } else {
                    sent_len += datagram.contents.len();
                }
            });
            responses.iter().for_each(|response| network.inject(addrs[1], 0, response));
            let moves = 16 * (1 + step * 5 / 1_000);
            assert!(
                sent_len <= 3 * received_len + 1_200 * moves,
                "{sent_len} bytes were sent for {received_len} and {moves} moves"
            );
        }
        println!("{victim_count} victims were sent {sent_len} bytes for {received_len}");
        assert!(sent_len > 0, "the endpoint tries the addresses");
    }
}

#[test]
fn longest_idle_link_goes_if_there_are_too_many() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default().max_links(3));
    let mut links = Vec::new();
    for number in 1..=3 {
        network.add(LinkOptions::default());
        links.push(network.connect(number, 0));
        network.run(SECOND);
    }
    network.send(1, links[0], b"in use");
    network.run(SECOND);
    network.add(LinkOptions::default());
    network.connect(4, 0);
    network.run(SECOND);
    assert_eq!(network.nodes[0].links.stats().up, 3);
    assert_eq!(network.nodes[0].links.stats().evicted, 1);
    let closed = LinkEvent::Down { link: links[1], reason: LinkEnd::Closed };
    assert!(
        network.events(2).contains(&closed)
            && !network.events(1).iter().any(|event| matches!(event, LinkEvent::Down { .. }))
    );
    assert_eq!(network.nodes[0].links.newest_to(peer(2)), None);
}
