use super::network::{MS, Network, Node, SECOND, peer};
use crate::links::{FrameId, LinkEvent, LinkId, SendError};
use crate::options::LinkOptions;

/// Returns a frame of this length, whose bytes differ.
fn frame(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 % 251) as u8).collect()
}

#[test]
fn frames_of_all_sizes_around_the_packet_arrive() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.events(1);
    for len in (0..20).chain(1_120..1_220) {
        network.send(0, link, &frame(len));
        network.run(SECOND);
        assert_eq!(network.frames(1), [frame(len)], "{len}");
    }
}

#[test]
fn large_frames_arrive_on_lossy_paths_in_both_directions() {
    for seed in 1..4 {
        let (mut network, link) = Network::pair(seed);
        (network.loss, network.latency) = (0.02, [20 * MS, 20 * MS]);
        network.run(3 * SECOND);
        let back = network.nodes[1].links.newest_to(peer(0)).unwrap();
        network.events(0);
        network.events(1);
        for len in [70_000, 2_000_000, 5_000] {
            network.send(0, link, &frame(len));
            network.send(1, back, &frame(len + 1));
        }
        network.run(60 * SECOND);
        for (node, more) in [(0, 1), (1, 0)] {
            let mut frames = network.frames(node);
            frames.sort_by_key(Vec::len);
            assert_eq!(frames, [5_000, 70_000, 2_000_000].map(|len| frame(len + more)), "seed {seed}");
        }
    }
}

#[test]
fn frames_of_packets_are_polled_in_their_order_among_other_events() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.events(1);
    network.send(0, link, b"first");
    network.send(0, link, b"second");
    network.run(SECOND);
    network.send(0, link, &frame(4_000));
    network.run(SECOND);
    network.send(0, link, b"last");
    network.run(SECOND);
    let Node { links, events, .. } = &mut network.nodes[1];
    links.engine.events.extend(events.drain(..));
    let mut frame = || links.poll_frame().map(|(_, frame)| frame.to_vec());
    assert_eq!([frame(), frame(), frame()], [Some(b"first".to_vec()), Some(b"second".to_vec()), None]);
    let mut others = 0;
    let last = loop {
        match links.poll_frame() {
            Some((_, frame)) => break frame,
            None => others += usize::from(links.poll().is_some()),
        }
    };
    assert!(last == b"last"[..] && others >= 2, "{others} other events");
    assert_eq!((links.poll_frame(), links.poll()), (None, None));
}

#[test]
fn small_frames_pass_large_ones() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.events(1);
    network.send(0, link, &frame(4_000_000));
    network.run(20 * MS);
    network.send(0, link, b"small");
    // At most a round trip, for the congestion window to open.
    network.run(35 * MS);
    assert_eq!(network.frames(1), [b"small"]);
}

#[test]
fn many_large_frames_wait_for_a_stream() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.events(1);
    (0..200).for_each(|number| network.send(0, link, &frame(3_000 + number)));
    network.run(10 * SECOND);
    let mut frames = network.frames(1);
    frames.sort_by_key(Vec::len);
    assert_eq!(frames, (0..200).map(|number| frame(3_000 + number)).collect::<Vec<_>>());
}

#[test]
fn frame_beyond_the_limit_is_not_sent() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default().max_message_len(10_000));
    network.add(LinkOptions::default());
    let link = network.connect(0, 1);
    let sent = network.nodes[0].links.send(network.now, link, frame(10_001));
    assert_eq!(sent, Err(SendError::TooLarge { limit: 10_000 }));
    network.send(0, link, &frame(10_000));
    network.run(SECOND);
    assert_eq!(network.frames(1), [frame(10_000)]);
}

#[test]
fn frame_beyond_the_limit_of_the_receiver_is_stopped_and_ends_no_link() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default());
    network.add(LinkOptions::default().max_message_len(10_000));
    let link = network.connect(0, 1);
    network.run(SECOND);
    network.events(1);
    let before = network.nodes[0].sent_len;
    network.send(0, link, &frame(8_000_000));
    network.run(5 * SECOND);
    assert!(network.nodes[0].sent_len - before < 2_500_000, "the rest is not sent");
    network.send(0, link, &frame(10_000));
    network.run(SECOND);
    assert_eq!(network.frames(1), [frame(10_000)]);
}

/// The receiver has memory for one frame at a time. The others wait, and all arrive.
#[test]
fn frames_beyond_the_memory_wait_at_their_sender() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default().message_memory(250_000).max_message_len(100_000));
    for number in 1..=4 {
        network.add(LinkOptions::default());
        let link = network.connect(number, 0);
        network.run(SECOND);
        (0..5).for_each(|_| network.send(number, link, &frame(100_000)));
    }
    network.run(30 * SECOND);
    let frames = network.frames(0);
    assert_eq!(frames.len(), 20);
    assert!(frames.iter().all(|arrived| *arrived == frame(100_000)));
}

/// Returns the number of frames of 1,000 bytes that a link takes.
fn fill(network: &mut Network, link: LinkId) -> usize {
    let frame = |number: usize| [&number.to_be_bytes()[..], &[7; 992]].concat();
    (0..).take_while(|number| network.nodes[0].links.send(network.now, link, frame(*number)).is_ok()).count()
}

#[test]
fn frames_that_wait_for_a_handshake_are_bounded_and_arrive() {
    let (mut network, link) = Network::pair(1);
    let count = fill(&mut network, link);
    assert!((16_000..16_800).contains(&count), "16 MiB: {count}");
    network.run(60 * SECOND);
    assert_eq!(network.frames(1).len(), count);
}

#[test]
fn retransmission_of_a_frame_that_waits_does_not_wait_too() {
    let (mut network, link) = Network::pair(1);
    (0..100).for_each(|_| network.send(0, link, b"again"));
    network.run(SECOND);
    assert_eq!(network.frames(1), [b"again"]);
}

#[test]
fn frames_that_are_not_sent_are_bounded_and_arrive() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    let small = fill(&mut network, link);
    assert!((16_000..17_000).contains(&small), "16 MiB: {small}");
    network.run(25 * SECOND);
    assert_eq!(network.frames(1).len(), small);
}

#[test]
fn large_frames_that_are_not_sent_are_bounded() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default().message_memory(4_000_000));
    network.add(LinkOptions::default());
    let link = network.connect(0, 1);
    network.run(SECOND);
    let large = bytes::Bytes::from(frame(1_000_000));
    let mut count = 0;
    let refused = loop {
        match network.nodes[0].links.send(network.now, link, &large[..]) {
            Ok(()) => count += 1,
            Err(error) => break error,
        }
    };
    // As much as a frame of the largest length takes.
    assert_eq!((count, refused), (16, SendError::Full));
    network.run(30 * SECOND);
    assert_eq!(network.frames(1).len(), 16);
}

#[test]
fn link_that_ends_within_a_large_frame_frees_its_memory() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default().message_memory(4_000_000).max_message_len(4_000_000));
    network.add(LinkOptions::default());
    network.add(LinkOptions::default());
    let (link, other) = (network.connect(1, 0), network.connect(2, 0));
    network.run(SECOND);
    network.send(1, link, &frame(4_000_000));
    network.run(40 * MS);
    network.send(2, other, &frame(3_000_000));
    network.run(40 * MS);
    assert!(network.frames(0).is_empty());
    network.nodes[1].links.close(network.now, link);
    network.run(30 * SECOND);
    let events = network.events(0);
    let frames = events.iter().filter(|event| matches!(event, LinkEvent::Frame { .. })).count();
    assert_eq!(frames, 1, "the one that waited");
}

/// One link holds all memory and falls silent within its frame. The frame of the other waits until
/// the first is given up.
#[test]
fn frame_that_waits_for_memory_arrives_after_a_stalled_one_is_given_up() {
    let mut network = Network::new(1);
    let options = LinkOptions::default().idle_timeout(300 * SECOND);
    network.add(options.clone().message_memory(4_000_000).max_message_len(4_000_000));
    network.add(options.clone());
    network.add(options);
    let (link, other) = (network.connect(1, 0), network.connect(2, 0));
    network.run(SECOND);
    network.send(1, link, &frame(4_000_000));
    network.run(40 * MS);
    network.is_cut[1] = true;
    network.send(2, other, &frame(3_000_000));
    network.run(25 * SECOND);
    assert!(network.frames(0).is_empty());
    network.run(10 * SECOND);
    assert_eq!(network.frames(0).iter().map(Vec::len).collect::<Vec<_>>(), [3_000_000]);
}

/// Neither ends its link, and no other datagram makes the receiver look at the frame that waits.
#[test]
fn frame_that_waits_for_memory_arrives_after_that_of_another_link() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default().message_memory(4_000_000).max_message_len(4_000_000));
    network.add(LinkOptions::default());
    network.add(LinkOptions::default());
    let (link, other) = (network.connect(1, 0), network.connect(2, 0));
    network.run(SECOND);
    network.send(1, link, &frame(4_000_000));
    network.run(40 * MS);
    network.send(2, other, &frame(3_000_000));
    network.run(10 * SECOND);
    assert_eq!(network.frames(0).iter().map(Vec::len).collect::<Vec<_>>(), [4_000_000, 3_000_000]);
}

/// Returns the number of responses of 100,000 bytes that the links to a key take.
fn fill_responses(network: &mut Network, key: u8) -> usize {
    let (now, links) = (network.now, &mut network.nodes[0].links);
    (0..=u8::MAX).take_while(|at| links.respond(now, (None, peer(key)), large_response(*at), false).is_ok()).count()
}

/// Returns a frame of 100,000 bytes with an id of its own: a link drops a second response to the
/// request of one that is being sent.
fn large_response(number: u8) -> Vec<u8> {
    frame_with_id(1, [number; 20], 100_000)
}

#[test]
fn responses_that_peers_do_not_acknowledge_are_bounded_over_all_links() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default().message_memory(4_000_000).max_message_len(100_000));
    // Several links with the first key.
    for key in [1, 1, 1, 1, 2, 3, 4, 5] {
        let number = network.add_with(key, LinkOptions::default().idle_timeout(60 * SECOND));
        network.connect(number, 0);
    }
    network.run(SECOND);
    network.is_cut.iter_mut().skip(1).for_each(|is_cut| *is_cut = true);
    let back: Vec<_> = network
        .events(0)
        .into_iter()
        .filter_map(|event| match event {
            LinkEvent::Up { link, peer: key, .. } if key == peer(1) => Some(link),
            _ => None,
        })
        .collect();
    assert_eq!(back.len(), 4);
    let (now, links) = (network.now, &mut network.nodes[0].links);
    let to_first = (0..100).filter(|at| {
        links.respond(now, (Some(back[usize::from(at % 4)]), peer(1)), large_response(*at), false).is_ok()
    });
    assert_eq!(to_first.count(), 9, "a quarter");
    let counts = [1, 2, 3, 4, 5].map(|key| fill_responses(&mut network, key));
    assert_eq!(counts, [0, 9, 9, 9, 3], "the whole memory");
    // Their packets stay unacknowledged, and hold the memory.
    network.run(5 * SECOND);
    assert_eq!(fill_responses(&mut network, 1), 0);
    network.is_cut.fill(false);
    network.run(30 * SECOND);
    for node in 5..=7 {
        assert_eq!(network.frames(node).len(), 9);
    }
    assert_eq!([1, 2, 3, 4, 5].map(|key| fill_responses(&mut network, key)), [9, 9, 9, 9, 3]);
}

#[test]
fn end_of_a_link_frees_the_memory_of_its_responses() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default().message_memory(400_000).max_message_len(100_000));
    network.add(LinkOptions::default());
    for _ in 0..3 {
        let link = network.connect(1, 0);
        network.run(SECOND);
        assert_eq!(fill_responses(&mut network, 1), 1);
        network.nodes[1].links.close(network.now, link);
        network.run(5 * SECOND);
    }
}

/// Returns a frame of this length with a kind and an id.
pub(super) fn frame_with_id(kind: u8, id: FrameId, len: usize) -> Vec<u8> {
    [&[kind][..], &id, &frame(len)].concat()[..len].to_vec()
}

/// Asserts that no frame takes memory at either end.
pub(super) fn assert_empty(network: &Network) {
    for node in &network.nodes {
        let stats = node.links.stats();
        assert_eq!((stats.arriving_bytes, stats.unsent_bytes), (0, 0), "{stats:?}");
    }
}

#[test]
fn large_frame_is_announced_when_its_first_piece_arrives() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.events(1);
    network.send(0, link, &frame_with_id(7, [9; 20], 1_000_000));
    network.run(20 * MS);
    let events = network.events(1);
    assert!(matches!(events[0], LinkEvent::Arriving { kind: 7, id: [9, ..], len: 1_000_000, .. }), "{events:?}");
    network.run(5 * SECOND);
    let (mut arrived, mut frames) = (Vec::new(), Vec::new());
    for event in events.into_iter().skip(1).chain(network.events(1)) {
        match event {
            LinkEvent::Received { id: [9, ..], received, len: 1_000_000, .. } => arrived.push(received),
            LinkEvent::Frame { frame, .. } => frames.push(frame.to_vec()),
            event => panic!("{event:?}"),
        }
    }
    assert!(arrived.len() > 100 && arrived.is_sorted());
    assert_eq!(frames, [frame_with_id(7, [9; 20], 1_000_000)]);
    let written = network.events(0).into_iter().filter_map(|event| match event {
        LinkEvent::Sent { kind: 7, id: [9, ..], sent, .. } => Some(sent),
        _ => None,
    });
    let written: Vec<_> = written.collect();
    assert!(written.is_sorted() && (written[0], *written.last().unwrap()) == (0, 1_000_000), "{written:?}");
    assert_empty(&network);
}

#[test]
fn cancelled_frame_is_reset_and_leaves_no_memory_at_either_end() {
    // Before the link is up, with no stream left, in the middle, and with lost packets.
    for (time, others, loss) in [(0, 0, 0.0), (1_000, 30, 0.0), (1_040, 0, 0.0), (1_300, 0, 0.1)] {
        let (mut network, link) = Network::pair(1);
        network.run(time.min(1_000) * MS);
        network.loss = loss;
        (0..others).for_each(|number| network.send(0, link, &frame_with_id(0, [number; 20], 50_000)));
        network.send(0, link, &frame_with_id(0, [99; 20], 8_000_000));
        network.run((time.max(1_000) - 1_000) * MS);
        let sent_len = network.nodes[0].sent_len;
        assert!(network.nodes[0].links.stats().unsent_bytes >= 8_000_000);
        let now = network.now;
        assert!(network.nodes[0].links.cancel(now, link, &[99; 20]), "{time}");
        assert!(!network.nodes[0].links.cancel(now, link, &[99; 20]), "{time}");
        network.run(20 * SECOND);
        assert_eq!(network.frames(1).len(), usize::from(others), "{time}");
        let rest = usize::from(others) * 60_000 + 100_000;
        assert!(network.nodes[0].sent_len - sent_len < rest, "{time}: {}", network.nodes[0].sent_len - sent_len);
        assert_empty(&network);
    }
}

#[test]
fn receiver_that_cancels_a_frame_stops_its_sender() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.events(1);
    network.send(0, link, &frame_with_id(1, [9; 20], 8_000_000));
    network.send(0, link, &frame_with_id(1, [8; 20], 30_000));
    network.run(100 * MS);
    let (now, sent_len) = (network.now, network.nodes[0].sent_len);
    let back = network.nodes[1].links.newest_to(peer(0)).unwrap();
    assert!(!network.nodes[1].links.cancel(now, back, &[9; 20]), "none is being sent");
    network.run(5 * SECOND);
    assert!(network.nodes[0].sent_len - sent_len < 500_000);
    assert_eq!(network.frames(1), [frame_with_id(1, [8; 20], 30_000)]);
    assert_empty(&network);
}

#[test]
fn memory_of_a_cancelled_frame_is_free_for_those_that_wait() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default().message_memory(4_000_000).max_message_len(4_000_000));
    network.add(LinkOptions::default());
    network.add(LinkOptions::default());
    let (link, other) = (network.connect(1, 0), network.connect(2, 0));
    network.run(SECOND);
    network.send(1, link, &frame_with_id(0, [9; 20], 4_000_000));
    network.run(40 * MS);
    network.send(2, other, &frame_with_id(0, [8; 20], 3_000_000));
    network.run(40 * MS);
    let now = network.now;
    network.nodes[1].links.cancel(now, link, &[9; 20]);
    network.run(30 * SECOND);
    assert_eq!(network.frames(0), [frame_with_id(0, [8; 20], 3_000_000)]);
    assert_empty(&network);
}

#[test]
fn frames_settle_a_round_trip_after_the_last_and_are_unsent_until_they_have_left() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    network.events(1);
    let has_unsent = |network: &mut Network| network.nodes[0].links.has_unsent();
    assert!(!has_unsent(&mut network));
    network.send(0, link, b"response");
    let sent = network.now;
    let settles_at = network.nodes[0].links.settles_at(sent).unwrap();
    assert!(settles_at > sent + 15 * MS && settles_at < sent + 30 * MS, "{:?}", settles_at - sent);
    assert!(has_unsent(&mut network));
    network.run(MS);
    assert!(!has_unsent(&mut network));
    // More than the network takes at once.
    (0..100).for_each(|_| network.send(0, link, &frame(1_000)));
    let mut waited = 0;
    while has_unsent(&mut network) {
        network.run(MS);
        waited += 1;
    }
    assert!((20..200).contains(&waited), "{waited} ms");
    network.nodes[0].links.close(network.now, link);
    network.run(SECOND);
    assert_eq!(network.frames(1).len(), 101);
}
