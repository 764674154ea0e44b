use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::identity::Identity;
use crate::links::{Expected, LinkEvent, LinkId, Links};
use crate::options::LinkOptions;
use crate::peer_id::PeerId;

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A network of tables of links.
pub(super) struct Network {
    pub(super) now: Instant,
    origin: Instant,
    rng: StdRng,
    /// The chance of a datagram to be lost.
    pub(super) loss: f64,
    /// The latency of each datagram, and the random addition to it.
    pub(super) latency: [Duration; 2],
    /// Whether nothing arrives at a node, or from it.
    pub(super) is_cut: Vec<bool>,
    under_way: BTreeMap<(Instant, u64), Datagram>,
    datagram_count: u64,
    pub(super) nodes: Vec<Node>,
    /// The time, the sender and the length of each datagram.
    pub(super) trace: Vec<(Duration, usize, usize)>,
}

pub(super) struct Node {
    pub(super) addr: SocketAddr,
    pub(super) links: Links,
    pub(super) events: Vec<LinkEvent>,
    pub(super) sent_len: usize,
    pub(super) received_len: usize,
    /// Whether the memory of requests that have arrived stays reserved.
    pub(super) is_holding: bool,
}

impl Node {
    fn take_events(&mut self, now: Instant) {
        while let Some(event) = self.links.poll() {
            if let LinkEvent::Frame { ref frame, held: Some(held), .. } = event
                && (!self.is_holding || frame[0] != 0)
            {
                self.links.release(now, held);
            }
            self.events.push(event);
        }
    }
}

struct Datagram {
    source: SocketAddr,
    destination: SocketAddr,
    contents: Vec<u8>,
}

pub(super) fn identity(number: u8) -> Identity {
    Identity::from_seed([number; 32])
}

pub(super) fn peer(number: u8) -> PeerId {
    identity(number).peer_id()
}

impl Network {
    pub(super) fn new(seed: u64) -> Self {
        println!("seed {seed}");
        #[expect(clippy::disallowed_methods, reason = "the origin of virtual time")]
        let now = Instant::now();
        Self {
            now,
            origin: now,
            rng: StdRng::seed_from_u64(seed),
            loss: 0.0,
            latency: [10 * MS, Duration::ZERO],
            is_cut: Vec::new(),
            under_way: BTreeMap::new(),
            datagram_count: 0,
            nodes: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// Adds a node with the identity of its number, which is returned.
    pub(super) fn add(&mut self, options: LinkOptions) -> usize {
        self.add_with(self.nodes.len() as u8, options)
    }

    /// Adds a node with the identity of a number. Returns the number of the node.
    pub(super) fn add_with(&mut self, key: u8, options: LinkOptions) -> usize {
        let number = self.nodes.len();
        let addr = SocketAddr::from(([10, 0, (number >> 8) as u8, number as u8], 7_000));
        let links = Links::new(&identity(key), options, self.now, [number as u8 + 1; 32]);
        self.nodes.push(Node { addr, links, events: Vec::new(), sent_len: 0, received_len: 0, is_holding: false });
        self.is_cut.push(false);
        number
    }

    /// Makes a network of two nodes with a link from the first to the second.
    pub(super) fn pair(seed: u64) -> (Self, LinkId) {
        let mut network = Self::new(seed);
        network.add(LinkOptions::default());
        network.add(LinkOptions::default());
        let link = network.connect(0, 1);
        (network, link)
    }

    /// Opens a link between two nodes, which is pinned.
    pub(super) fn connect(&mut self, from: usize, to: usize) -> LinkId {
        self.connect_to(from, to, Expected::Key(peer(to as u8)))
    }

    pub(super) fn connect_to(&mut self, from: usize, to: usize, expected: Expected) -> LinkId {
        let addr = self.nodes[to].addr;
        self.nodes[from].links.connect(self.now, addr, expected).unwrap()
    }

    pub(super) fn send(&mut self, from: usize, link: LinkId, frame: &[u8]) {
        self.nodes[from].links.send(self.now, link, frame).unwrap();
    }

    /// Passes a datagram that no node has sent.
    pub(super) fn inject(&mut self, source: SocketAddr, to: usize, contents: &[u8]) {
        self.nodes[to].links.handle(self.now, source, None, contents);
        self.nodes[to].received_len += contents.len();
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.flush();
            let deadlines = self.nodes.iter().filter_map(|node| node.links.deadline());
            let arrival = self.under_way.first_key_value().map(|((at, _), _)| *at);
            let next = deadlines.chain(arrival).min().filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            while self.under_way.first_key_value().is_some_and(|((at, _), _)| *at <= self.now)
                && let Some((_, datagram)) = self.under_way.pop_first()
            {
                self.deliver(datagram);
            }
            for node in &mut self.nodes {
                if node.links.deadline().is_some_and(|at| at <= self.now) {
                    node.links.handle_timeout(self.now);
                }
            }
        }
        self.now = end;
    }

    fn deliver(&mut self, datagram: Datagram) {
        let Datagram { source, destination, contents } = datagram;
        let Some(number) = self.nodes.iter().position(|node| node.addr == destination) else { return };
        if !self.is_cut[number] {
            self.nodes[number].received_len += contents.len();
            self.nodes[number].links.handle(self.now, source, None, &contents);
        }
    }

    /// Sends what the nodes have to send, and takes their events.
    pub(super) fn flush(&mut self) {
        for (number, node) in self.nodes.iter_mut().enumerate() {
            let (rng, under_way) = (&mut self.rng, &mut self.under_way);
            node.take_events(self.now);
            node.links.flush(self.now, |datagram| {
                assert!(Links::is_link_datagram(datagram.contents), "{:?}", datagram.contents);
                self.trace.push((self.now - self.origin, number, datagram.contents.len()));
                node.sent_len += datagram.contents.len();
                let delay = self.latency[0] + self.latency[1].mul_f64(rng.random::<f64>());
                if self.is_cut[number] || rng.random_bool(self.loss) {
                    return;
                }
                self.datagram_count += 1;
                let contents = datagram.contents.to_vec();
                let datagram = Datagram { source: node.addr, destination: datagram.destination, contents };
                under_way.insert((self.now + delay, self.datagram_count), datagram);
            });
            node.take_events(self.now);
        }
    }

    /// Takes the events of a node.
    pub(super) fn events(&mut self, node: usize) -> Vec<LinkEvent> {
        std::mem::take(&mut self.nodes[node].events)
    }

    /// Takes the events of a node, and returns the frames among them.
    pub(super) fn frames(&mut self, node: usize) -> Vec<Vec<u8>> {
        let frame = |event| match event {
            LinkEvent::Frame { frame, .. } => Some(frame.to_vec()),
            _ => None,
        };
        self.events(node).into_iter().filter_map(frame).collect()
    }
}
