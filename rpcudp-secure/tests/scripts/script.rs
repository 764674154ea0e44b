use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rpcudp_secure::{Expected, Identity, LinkEvent, LinkId, LinkOptions, LinkStream, Links, StreamRead};

/// Runs a script of events for two tables of links: each pair of bytes is an event and its
/// argument. The fuzzer is the network, and may change datagrams.
///
/// No event may panic, every datagram has the bit of links in its first byte, and a table that is
/// left alone ends what it has begun.
pub(crate) fn links(script: &[u8]) {
    let mut network = Network::new();
    for event in script.chunks_exact(2).take(200) {
        network.run(event[0], event[1]);
    }
    network.end();
}

struct Network {
    now: Instant,
    addrs: [SocketAddr; 2],
    identities: [Identity; 2],
    links: [Links; 2],
    opened: Option<LinkId>,
    /// The datagrams to each side.
    under_way: [VecDeque<Vec<u8>>; 2],
    /// The newest streams of each side.
    streams: [VecDeque<LinkStream>; 2],
}

impl Network {
    /// The datagrams that are kept for each side. Others are lost.
    const MAX_UNDER_WAY: usize = 64;

    /// The streams that are kept for each side. Others are forgotten, and stay open.
    const MAX_STREAMS: usize = 8;

    fn new() -> Self {
        #[allow(clippy::disallowed_methods, reason = "the origin of virtual time")]
        let now = Instant::now();
        let identities = [1, 2].map(|number| Identity::from_seed([number; 32]));
        let options = LinkOptions::default().max_message_len(50_000).message_memory(100_000).max_links(3);
        let links = identities.each_ref().map(|identity| Links::new(identity, options.clone(), now, [7; 32]));
        let addrs = [([192, 0, 2, 1], 7_000).into(), ([192, 0, 2, 2], 7_000).into()];
        let (under_way, streams) = Default::default();
        let mut network = Self { now, addrs, identities, links, opened: None, under_way, streams };
        network.connect(0);
        network
    }

    fn connect(&mut self, side: usize) {
        let expected = Expected::Key(self.identities[1 - side].peer_id());
        let link = self.links[side].connect(self.now, self.addrs[1 - side], expected).ok();
        if side == 0 {
            self.opened = link.or(self.opened);
        }
    }

    fn run(&mut self, event: u8, argument: u8) {
        let side = usize::from(event & 1);
        match event >> 1 & 15 {
            // Most often, the network does its work.
            0..=4 => self.deliver(side, |_| {}),
            5 => self.deliver(side, |datagram| {
                // Half of the changes are in the header.
                let at = match argument.checked_sub(128) {
                    None => usize::from(argument).min(datagram.len() - 1),
                    Some(part) => usize::from(part) * datagram.len() / 128,
                };
                datagram[at] ^= 1 << (event >> 5);
            }),
            6 => self.deliver(side, |datagram| datagram.truncate(usize::from(argument) * datagram.len() / 256 + 1)),
            7 => self.deliver(side, |datagram| datagram.extend_from_slice(&[argument; 30])),
            8 => drop(self.under_way[side].pop_front()),
            9 => self.under_way[side].rotate_left(usize::from(argument) % self.under_way[side].len().max(1)),
            10 => {
                if let Some(datagram) = self.under_way[side].front().cloned() {
                    self.deliver(side, |_| {});
                    self.under_way[side].push_front(datagram);
                }
            }
            11 => self.pass(Duration::from_millis(u64::from(argument) * 4)),
            12 => self.connect(side),
            13 if event & 0x20 != 0 => self.use_stream(side, event >> 6, argument),
            13 => {
                if let Some(link) = self.opened {
                    let frame = vec![argument; usize::from(argument) * 150];
                    let _ = self.links[0].send(self.now, link, frame);
                }
            }
            14 => {
                // The same peer, after a restart.
                let identity = &self.identities[side];
                self.links[side] = Links::new(identity, LinkOptions::default(), self.now, [argument; 32]);
            }
            _ => self.links[side].handle(self.now, self.addrs[1 - side], None, &[argument | 0x40; 40]),
        }
        self.flush();
    }

    /// Uses one of the newest streams of a side.
    fn use_stream(&mut self, side: usize, action: u8, argument: u8) {
        let (links, streams) = (&mut self.links[side], &mut self.streams[side]);
        if action == 0 {
            let stream = self.opened.and_then(|link| links.open_stream(self.now, link).ok());
            streams.extend(stream);
            return;
        }
        let Some(stream) = streams.get(usize::from(argument) % Self::MAX_STREAMS).copied() else { return };
        match (action, argument >> 3 & 3) {
            (1, _) => {
                let mut data = vec![argument; usize::from(argument) * 2_000].into();
                let _ = links.write_stream(self.now, stream, &mut data);
            }
            (2, _) => {
                let max_len = 1 + usize::from(argument) * 100;
                while let StreamRead::Chunk(chunk) = links.read_stream(self.now, stream, max_len) {
                    assert!(chunk.len() <= max_len);
                }
            }
            (_, 0) => links.finish_stream(self.now, stream),
            (_, 1) => links.reset_stream(self.now, stream, argument.into()),
            (_, 2) => links.stop_stream(self.now, stream, argument.into()),
            _ => links.hold_stream(self.now, stream),
        }
    }

    fn deliver(&mut self, side: usize, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(mut datagram) = self.under_way[side].pop_front() {
            change(&mut datagram);
            self.links[side].handle(self.now, self.addrs[1 - side], None, &datagram);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        for links in &mut self.links {
            if links.deadline().is_some_and(|at| at <= self.now) {
                links.handle_timeout(self.now);
            }
        }
    }

    fn flush(&mut self) {
        for side in 0..2 {
            while let Some(event) = self.links[side].poll() {
                let streams = &mut self.streams[side];
                if let LinkEvent::Stream { stream } = event
                    && !streams.contains(&stream)
                {
                    streams.push_front(stream);
                    streams.truncate(Self::MAX_STREAMS);
                }
            }
            let under_way = &mut self.under_way[1 - side];
            self.links[side].flush(self.now, |datagram| {
                assert!(Links::is_link_datagram(datagram.contents));
                if under_way.len() < Self::MAX_UNDER_WAY {
                    under_way.push_back(datagram.contents.to_vec());
                }
            });
            assert_eq!(self.links[side].stats().panics, 0);
        }
    }

    /// Lets both sides alone, until no link is left.
    fn end(mut self) {
        for _ in 0..1_000 {
            let Some(next) = self.links.iter().filter_map(Links::deadline).min() else { break };
            self.pass(next.saturating_duration_since(self.now));
            self.flush();
            self.under_way = Default::default();
        }
        for links in &self.links {
            let stats = links.stats();
            assert_eq!((stats.up, stats.handshaking, links.deadline()), (0, 0, None), "{stats:?}");
        }
    }
}
