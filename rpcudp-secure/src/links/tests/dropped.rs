//! Frames of which one end does not take the whole.

use super::network::{MS, Network, SECOND, peer};
use crate::links::{FrameId, LinkEnd, LinkEvent, LinkId};
use crate::options::LinkOptions;

/// Returns a frame of this kind, and its id.
fn frame(kind: u8, number: u8, len: usize) -> (Vec<u8>, FrameId) {
    let id = [number; 20];
    ([&[kind][..], &id, &vec![7; len]].concat(), id)
}

/// Returns the dropped frames that a node was told about.
fn dropped(network: &mut Network, node: usize) -> Vec<(u8, FrameId, LinkEnd)> {
    let reported = |event| match event {
        LinkEvent::Dropped { kind, id, reason, .. } => Some((kind, id, reason)),
        _ => None,
    };
    network.events(node).into_iter().filter_map(reported).collect()
}

/// Returns the links of both nodes to each other.
fn links(network: &mut Network) -> [LinkId; 2] {
    let link = network.connect(0, 1);
    network.run(SECOND);
    network.events(0);
    network.events(1);
    [link, network.nodes[1].links.newest_to(peer(0)).unwrap()]
}

#[test]
fn sender_of_a_request_and_receiver_of_a_response_learn_that_it_is_too_large() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default());
    network.add(LinkOptions::default().max_message_len(10_000));
    let [link, back] = links(&mut network);
    let ((request, id), (response, other)) = (frame(0, 1, 9_980), frame(1, 2, 3_000_000));
    network.send(0, link, &request);
    network.send(0, link, &response);
    network.run(5 * SECOND);
    // A request may have been sent by any peer, so its receiver has no use for a report.
    assert_eq!(dropped(&mut network, 0), [(0, id, LinkEnd::RequestTooLarge { limit: 10_000 })]);
    let too_large = LinkEnd::ResponseTooLarge { size: 3_000_021, limit: 10_000 };
    assert_eq!(dropped(&mut network, 1), [(1, other, too_large)]);
    assert_eq!(network.nodes[1].links.stats().arriving_bytes, 0);
    network.send(1, back, &frame(0, 3, 9_000).0);
    network.run(SECOND);
    assert_eq!(network.frames(0).len(), 1);
}

#[test]
fn sender_of_a_request_learns_that_it_is_stopped_and_receiver_of_a_response_that_it_is_reset() {
    let (mut network, _) = Network::pair(1);
    let [link, back] = links(&mut network);
    let ((request, id), (response, other)) = (frame(0, 1, 3_000_000), frame(1, 2, 3_000_000));
    network.send(0, link, &request);
    network.send(0, link, &response);
    network.run(60 * MS);
    network.nodes[1].links.cancel(network.now, back, &id);
    network.nodes[0].links.cancel(network.now, link, &other);
    network.run(SECOND);
    assert_eq!(dropped(&mut network, 0), [(0, id, LinkEnd::Dropped)]);
    assert_eq!(dropped(&mut network, 1), [(1, other, LinkEnd::Dropped)]);
}

#[test]
fn frames_that_arrive_are_not_reported() {
    for seed in 1..20 {
        let (mut network, _) = Network::pair(seed);
        let [link, back] = links(&mut network);
        (network.loss, network.latency) = (0.05, [20 * MS, 20 * MS]);
        for number in 0..30 {
            let len = 1_500 + 700 * usize::from(number);
            network.send(0, link, &frame(number % 2, number, len).0);
            network.send(1, back, &frame(number % 2, number, len).0);
        }
        network.run(20 * SECOND);
        for node in [0, 1] {
            let events = network.events(node);
            let arrived = events.iter().filter(|event| matches!(event, LinkEvent::Frame { .. })).count();
            let is_dropped = |event: &LinkEvent| matches!(event, LinkEvent::Dropped { .. });
            assert!(arrived == 30 && !events.iter().any(is_dropped), "seed {seed}: {events:?}");
        }
    }
}

#[test]
fn response_of_which_nothing_arrives_is_given_up_and_reported() {
    let mut network = Network::new(1);
    (0..2).for_each(|_| _ = network.add(LinkOptions::default().idle_timeout(120 * SECOND)));
    let [link, _] = links(&mut network);
    let (response, id) = frame(1, 1, 3_000_000);
    network.send(0, link, &response);
    network.run(60 * MS);
    network.is_cut[0] = true;
    network.run(29 * SECOND);
    assert_eq!(dropped(&mut network, 1), []);
    network.run(2 * SECOND);
    assert_eq!(dropped(&mut network, 1), [(1, id, LinkEnd::Dropped)]);
}
