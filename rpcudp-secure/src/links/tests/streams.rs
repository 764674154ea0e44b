use std::time::Duration;

use bytes::Bytes;

use super::network::{MS, Network, SECOND};
use crate::links::{LinkEvent, LinkStream, StreamRead, StreamStopped};
use crate::options::LinkOptions;

const CALLER: usize = 0;
const CALLED: usize = 1;

impl Network {
    fn write(&mut self, node: usize, stream: LinkStream, data: &mut Bytes) -> Result<(), StreamStopped> {
        self.nodes[node].links.write_stream(self.now, stream, data)
    }

    /// Reads what has arrived, and its end.
    fn read(&mut self, node: usize, stream: LinkStream) -> (Vec<u8>, StreamRead) {
        let mut bytes = Vec::new();
        loop {
            match self.nodes[node].links.read_stream(self.now, stream, 10_000) {
                StreamRead::Chunk(chunk) => bytes.extend_from_slice(&chunk),
                end => return (bytes, end),
            }
        }
    }

    /// Takes the events, and returns the streams among them, each once.
    fn streams(&mut self, node: usize) -> Vec<LinkStream> {
        let stream = |event| if let LinkEvent::Stream { stream } = event { Some(stream) } else { None };
        let mut streams: Vec<_> = self.events(node).into_iter().filter_map(stream).collect();
        streams.sort();
        streams.dedup();
        streams
    }

    /// Opens a stream that carries `data`. Returns both ends.
    fn open(&mut self, data: &[u8]) -> [LinkStream; 2] {
        let link = self.connect(CALLER, CALLED);
        let stream = self.nodes[CALLER].links.open_stream(self.now, link).unwrap();
        self.run(SECOND);
        self.streams(CALLED);
        self.write(CALLER, stream, &mut Bytes::copy_from_slice(data)).unwrap();
        self.run(SECOND);
        [stream, self.streams(CALLED)[0]]
    }
}

#[test]
fn stream_carries_bytes_and_the_end_in_both_directions() {
    let (mut network, _) = Network::pair(1);
    let [stream, accepted] = network.open(b"question");
    assert_eq!(network.read(CALLED, accepted), (b"question".to_vec(), StreamRead::Blocked));
    network.nodes[CALLER].links.finish_stream(network.now, stream);
    network.write(CALLED, accepted, &mut Bytes::from_static(b"answer")).unwrap();
    network.nodes[CALLED].links.finish_stream(network.now, accepted);
    network.run(SECOND);
    assert_eq!(network.read(CALLED, accepted), (Vec::new(), StreamRead::Finished));
    assert_eq!(network.read(CALLER, stream), (b"answer".to_vec(), StreamRead::Finished));
}

#[test]
fn streams_beyond_the_limit_wait_for_others() {
    let (mut network, link) = Network::pair(1);
    let streams: Vec<_> =
        (0..200).map(|_| network.nodes[CALLER].links.open_stream(network.now, link).unwrap()).collect();
    let (mut read, mut written) = (0, vec![false; 200]);
    for _ in 0..20 {
        network.run(SECOND);
        for stream in network.streams(CALLER) {
            let at = streams.iter().position(|other| *other == stream).unwrap();
            let mut data = Bytes::from_static(b"x");
            if !written[at] && network.write(CALLER, stream, &mut data).is_ok() && data.is_empty() {
                written[at] = true;
                network.nodes[CALLER].links.finish_stream(network.now, stream);
                network.nodes[CALLER].links.stop_stream(network.now, stream, LinkStream::DROPPED);
            }
        }
        for stream in network.streams(CALLED) {
            let (bytes, end) = network.read(CALLED, stream);
            read += bytes.len();
            if end == StreamRead::Finished {
                network.nodes[CALLED].links.finish_stream(network.now, stream);
            }
        }
    }
    assert_eq!(read, 200);
}

#[test]
fn stream_of_which_a_half_is_given_up_while_it_waits_leaves_room_for_others() {
    let (mut network, link) = Network::pair(1);
    let open = |network: &mut Network| network.nodes[CALLER].links.open_stream(network.now, link).unwrap();
    // The link is in its handshake.
    let streams: Vec<_> = (0..300).map(|_| open(&mut network)).collect();
    for (at, stream) in streams.iter().enumerate() {
        let Network { nodes, now, .. } = &mut network;
        match at % 2 {
            0 => nodes[CALLER].links.reset_stream(*now, *stream, 7),
            _ => nodes[CALLER].links.stop_stream(*now, *stream, 7),
        }
    }
    let last = open(&mut network);
    let mut data = Bytes::from_static(b"last");
    for _ in 0..40 {
        network.run(SECOND);
        for stream in network.streams(CALLED) {
            match network.read(CALLED, stream) {
                (bytes, StreamRead::Blocked) if bytes.is_empty() => {}
                (bytes, StreamRead::Blocked) => return assert_eq!(bytes, b"last"),
                _ => network.nodes[CALLED].links.finish_stream(network.now, stream),
            }
            let _ = network.write(CALLED, stream, &mut Bytes::new());
        }
        for stream in network.streams(CALLER) {
            if stream == last {
                network.write(CALLER, last, &mut data).unwrap();
                continue;
            }
            // The other half of a stream that has started.
            network.nodes[CALLER].links.reset_stream(network.now, stream, 7);
            network.nodes[CALLER].links.stop_stream(network.now, stream, 7);
        }
    }
    panic!("the last stream has no room");
}

#[test]
fn each_end_learns_that_the_other_has_given_up() {
    let (mut network, _) = Network::pair(1);
    let [stream, accepted] = network.open(b"question");
    network.nodes[CALLED].links.stop_stream(network.now, accepted, LinkStream::DROPPED);
    network.nodes[CALLED].links.reset_stream(network.now, accepted, LinkStream::DROPPED);
    network.run(SECOND);
    assert_eq!(network.streams(CALLER), [stream]);
    assert_eq!(network.write(CALLER, stream, &mut Bytes::new()), Err(StreamStopped));
    assert_eq!(network.read(CALLER, stream).1, StreamRead::Reset(LinkStream::DROPPED));
}

#[test]
fn unread_stream_holds_its_sender_and_no_other_traffic() {
    let (mut network, link) = Network::pair(1);
    let [stream, accepted] = network.open(b"x");
    let mut data = Bytes::from(vec![7; 10 << 20]);
    for _ in 0..100 {
        network.write(CALLER, stream, &mut data).unwrap();
        network.nodes[CALLED].links.hold_stream(network.now, accepted);
        network.run(100 * MS);
    }
    let received_len = network.nodes[CALLED].received_len;
    assert!(received_len < 1_300_000, "{received_len} bytes");
    assert!(data.len() > 8 << 20, "{} bytes are left", data.len());
    // A large frame needs the window of the whole link.
    network.send(CALLER, link, &vec![1; 3 << 20]);
    network.run(20 * SECOND);
    assert_eq!(network.frames(CALLED), [vec![1; 3 << 20]]);
    // The sender goes on.
    let mut read_len = 0;
    for _ in 0..200 {
        read_len += network.read(CALLED, accepted).0.len();
        network.write(CALLER, stream, &mut data).unwrap();
        network.run(100 * MS);
    }
    assert_eq!((read_len, data.len()), ((10 << 20) + 1, 0));
}

/// A peer resets streams that were held, and begins again, before it sends as much as it may.
#[test]
fn streams_that_are_held_and_reset_again_and_again_add_one_window() {
    let (mut network, link) = Network::pair(1);
    for _ in 0..12 {
        let [stream, accepted] = network.open(&[7; 64 << 10]);
        network.nodes[CALLED].links.hold_stream(network.now, accepted);
        network.run(SECOND);
        network.nodes[CALLER].links.reset_stream(network.now, stream, LinkStream::DROPPED);
        network.run(SECOND);
        assert_eq!(network.read(CALLED, accepted).1, StreamRead::Reset(LinkStream::DROPPED));
        network.nodes[CALLED].links.reset_stream(network.now, accepted, LinkStream::DROPPED);
        network.run(SECOND);
        network.nodes[CALLER].links.stop_stream(network.now, stream, LinkStream::DROPPED);
    }
    let received_len = network.nodes[CALLED].received_len;
    let mut open = || (network.nodes[CALLER].links.open_stream(network.now, link).unwrap(), vec![7; 1 << 20].into());
    let mut streams: Vec<(LinkStream, Bytes)> = (0..14).map(|_| open()).collect();
    for _ in 0..100 {
        for (stream, data) in &mut streams {
            network.write(CALLER, *stream, data).unwrap();
        }
        network.run(100 * MS);
    }
    let unread_len = network.nodes[CALLED].received_len - received_len;
    assert!((2_000_000..2_600_000).contains(&unread_len), "{unread_len} bytes");
}

#[test]
fn quiet_stream_outlives_the_idle_timeout_and_ends_with_its_link() {
    let mut network = Network::new(1);
    network.add(LinkOptions::default());
    network.add(LinkOptions::default().idle_timeout(Duration::from_secs(5)));
    let [stream, accepted] = network.open(b"question");
    network.run(200 * SECOND);
    network.write(CALLED, accepted, &mut Bytes::from_static(b"answer")).unwrap();
    network.run(SECOND);
    assert_eq!(network.read(CALLER, stream), (b"answer".to_vec(), StreamRead::Blocked));
    network.is_cut[CALLED] = true;
    network.run(60 * SECOND);
    let down = |event: &LinkEvent| matches!(event, LinkEvent::Down { .. });
    assert!(network.events(CALLER).iter().any(down) && network.events(CALLED).iter().any(down));
    assert_eq!(network.read(CALLER, stream).1, StreamRead::Reset(LinkStream::CLOSED));
    assert_eq!(network.write(CALLER, stream, &mut Bytes::new()), Err(StreamStopped));
}

#[test]
fn link_without_streams_is_not_kept_alive() {
    let (mut network, _) = Network::pair(1);
    let [stream, accepted] = network.open(b"question");
    for (node, stream) in [(CALLER, stream), (CALLED, accepted)] {
        network.nodes[node].links.reset_stream(network.now, stream, LinkStream::DROPPED);
        network.nodes[node].links.stop_stream(network.now, stream, LinkStream::DROPPED);
    }
    network.run(120 * SECOND);
    assert_eq!(network.nodes[CALLER].links.stats().up, 0);
}

#[test]
fn peer_that_uses_streams_may_open_more() {
    let (mut network, link) = Network::pair(1);
    network.run(SECOND);
    for number in 0..64 {
        let stream = network.nodes[CALLER].links.open_stream(network.now, link).unwrap();
        let mut data = Bytes::from_static(b"x");
        network.write(CALLER, stream, &mut data).unwrap();
        assert!(data.is_empty(), "{number}");
        network.run(SECOND);
        println!("{:?}", network.events(CALLER));
    }
}
