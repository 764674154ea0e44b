use super::messages::{assert_empty, frame_with_id};
use super::network::{MS, Network, SECOND};
use crate::links::LinkEvent;
use crate::options::LinkOptions;

/// A request of a handler waits for the response to a call of its own, from the same peer.
#[test]
fn requests_that_handlers_hold_leave_memory_to_responses() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default().message_memory(400_000).max_message_len(100_000));
    network.add(LinkOptions::default());
    network.add(LinkOptions::default());
    network.nodes[0].is_holding = true;
    let links = [1, 2].map(|number| network.connect(number, 0));
    network.run(SECOND);
    for number in 0..5 {
        network.send(1, links[0], &frame_with_id(0, [number; 20], 100_000));
    }
    network.run(10 * SECOND);
    let held = network.events(0).into_iter().find_map(|event| match event {
        LinkEvent::Frame { held, .. } => held,
        _ => None,
    });
    assert_eq!(network.nodes[0].links.stats().arriving_bytes, 100_000, "its share, less the longest response");
    // The other peer has a share of its own, and the responses of both arrive.
    for (number, link) in [(1, links[0]), (2, links[1])] {
        network.send(number, link, &frame_with_id(1, [100; 20], 100_000));
        network.send(number, link, &frame_with_id(0, [number as u8; 20], 90_000));
    }
    network.run(10 * SECOND);
    let events = network.events(0);
    let arrived = events.iter().filter_map(|event| match event {
        LinkEvent::Frame { frame, held, .. } => Some((frame[0], held.unwrap())),
        _ => None,
    });
    let mut arrived: Vec<_> = arrived.collect();
    arrived.sort_unstable_by_key(|(kind, _)| *kind);
    assert_eq!(arrived.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [0, 1, 1]);
    network.nodes[0].is_holding = false;
    let now = network.now;
    for held in held.into_iter().chain([arrived[0].1]) {
        network.nodes[0].links.release(now, held);
    }
    network.run(30 * SECOND);
    assert_eq!(network.frames(0).len(), 5, "the rest");
    assert_empty(&network);
}

#[test]
fn memory_is_counted_by_the_key_over_all_links() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default().message_memory(800_000).max_message_len(100_000));
    network.nodes[0].is_holding = true;
    for key in [1, 1, 1, 2] {
        let number = network.add_with(key, LinkOptions::default());
        let link = network.connect(number, 0);
        network.run(SECOND);
        (0..5).for_each(|id| network.send(number, link, &frame_with_id(0, [id; 20], 100_000)));
        network.run(5 * SECOND);
    }
    let held = network.nodes[0].links.stats().arriving_bytes;
    assert_eq!((network.frames(0).len(), held), (2, 200_000), "one of each key");
}

/// A long frame that waits for memory is read before shorter ones that come later.
#[test]
fn long_frame_does_not_starve_behind_short_ones() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default().message_memory(1_000_000).max_message_len(500_000));
    for _ in 0..8 {
        network.add(LinkOptions::default());
    }
    let links: Vec<_> = (1..=8).map(|number| network.connect(number, 0)).collect();
    network.run(SECOND);
    let mut sent = 0;
    for round in 0..200_u8 {
        for number in (1..8).filter(|number| (number + usize::from(round)) % 2 == 0) {
            network.send(number, links[number - 1], &frame_with_id(0, [round; 20], 100_000));
            sent += 1;
        }
        if round == 20 {
            network.send(8, links[7], &frame_with_id(0, [200; 20], 500_000));
        }
        network.run(20 * MS);
        if round == 100 {
            let arrived = network.frames(0);
            assert!(arrived.iter().any(|frame| frame.len() == 500_000), "it waits");
            sent = sent + 1 - arrived.len();
        }
    }
    network.run(60 * SECOND);
    assert_eq!(network.frames(0).len(), sent);
}

/// Handlers that wait for responses hold the memory that the requests wait for.
#[test]
fn responses_pass_requests_that_wait_for_a_stream() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.events(1);
    (0..40).for_each(|number| network.send(0, link, &frame_with_id(0, [number; 20], 50_000)));
    network.send(0, link, &frame_with_id(1, [100; 20], 50_000));
    network.run(20 * SECOND);
    let frames = network.frames(1);
    assert_eq!(frames.len(), 41);
    let at = frames.iter().position(|frame| frame[0] == 1).unwrap();
    assert!(at < 14, "{at}");
}
