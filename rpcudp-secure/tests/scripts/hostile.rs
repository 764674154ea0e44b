use std::net::SocketAddr;
use std::time::{Duration, Instant};

use quinn_proto::StreamId;
use rpcudp_secure::{Identity, LinkEvent, LinkId, LinkOptions, Links};

use crate::peer::Peer;

/// Runs a script of events for a table of links and a peer with a key that writes any bytes on its
/// streams: each pair of bytes is an event and its argument.
///
/// No event may panic. A frame arrives once if its length comes before it, and not at all if its
/// length is wrong or its stream was reset; a frame that has to wait for memory arrives in the end.
pub(crate) fn hostile(script: &[u8]) {
    let mut world = World::new();
    for event in script.chunks_exact(2).take(200) {
        world.run(event[0], event[1]);
    }
    world.end();
}

struct World {
    begun: Instant,
    now: Instant,
    links: Links,
    link: Option<LinkId>,
    peer: Peer,
    streams: Vec<Stream>,
    /// The DATAGRAM frames that the peer has sent.
    datagrams: Vec<Vec<u8>>,
    /// The frames that have arrived at the table.
    arrived: Vec<Vec<u8>>,
    /// The frames that the table has sent, and the peer has not read.
    sent: Vec<Vec<u8>>,
    /// Whether the peer has stopped one of them, which it never reads then.
    is_stopped: bool,
}

/// A stream that the peer has opened.
struct Stream {
    id: StreamId,
    opened: Instant,
    bytes: Vec<u8>,
    /// The time at which all of it was acknowledged, after the peer had finished it.
    delivered: Option<Instant>,
    is_reset: bool,
}

impl World {
    const ADDR: ([u8; 4], u16) = ([192, 0, 2, 1], 7_000);
    const PEER_ADDR: ([u8; 4], u16) = ([192, 0, 2, 2], 7_000);
    const MAX_MESSAGE_LEN: usize = 50_000;

    /// The number of frames that the table sends in one script.
    const MAX_SENT: usize = 20;

    /// The time that a script may take, so that the link is not idle for too long.
    const MAX_TIME: Duration = Duration::from_secs(50);

    /// A time below that after which a frame of which no piece arrives is given up.
    const SAFE_TIME: Duration = Duration::from_secs(20);

    fn new() -> Self {
        #[allow(clippy::disallowed_methods, reason = "the origin of virtual time")]
        let now = Instant::now();
        let identity = Identity::from_seed([1; 32]);
        let options = LinkOptions::default().max_message_len(Self::MAX_MESSAGE_LEN).message_memory(100_000);
        let options = options.idle_timeout(Duration::from_secs(600));
        let mut world = Self {
            begun: now,
            now,
            links: Links::new(&identity, options, now, [7; 32]),
            link: None,
            peer: Peer::connect(now, SocketAddr::from(Self::ADDR), identity.peer_id()),
            streams: Vec::new(),
            datagrams: Vec::new(),
            arrived: Vec::new(),
            sent: Vec::new(),
            is_stopped: false,
        };
        world.exchange();
        assert!(world.link.is_some(), "the handshake ends");
        world
    }

    fn run(&mut self, event: u8, argument: u8) {
        let len = usize::from(argument) * 200;
        let at = usize::from(event & 7);
        match event >> 3 {
            3 => self.open(),
            4 => self.write(at, &(len as u32).to_be_bytes()),
            5 => self.write(at, &[argument; 4]),
            6 | 7 => self.write_body(at, len),
            8 => self.write(at, &[argument]),
            9 => self.write_rest(at),
            10 => self.finish(at),
            11 => self.reset(at),
            12 => self.send_datagram(usize::from(argument) * 5),
            13 => self.send_to_peer(len),
            14 => self.read(),
            15 => self.is_stopped |= self.peer.stop(at),
            16 if self.now < self.begun + Self::MAX_TIME => self.pass(Duration::from_millis(u64::from(argument) * 40)),
            17 => self.peer.flush(self.now, |_| {}),
            18 => self.links.flush(self.now, |_| {}),
            19..=22 => {
                self.open();
                let last = self.streams.len().wrapping_sub(1);
                self.write(last, &(len as u32).to_be_bytes());
                self.write_rest(last);
                self.finish(last);
            }
            _ => self.exchange(),
        }
    }

    fn open(&mut self) {
        if let Some(id) = self.peer.open() {
            self.streams.push(Stream { id, opened: self.now, bytes: Vec::new(), delivered: None, is_reset: false });
        }
    }

    /// Writes to one of the last streams.
    fn write(&mut self, at: usize, bytes: &[u8]) {
        let Some(stream) = Self::recent(&mut self.streams, at) else { return };
        let len = self.peer.write(stream.id, bytes);
        stream.bytes.extend_from_slice(&bytes[..len]);
    }

    fn recent(streams: &mut [Stream], at: usize) -> Option<&mut Stream> {
        let from = streams.len().saturating_sub(8);
        let count = streams.len() - from;
        streams[from..].get_mut(at % count.max(1))
    }

    fn write_body(&mut self, at: usize, len: usize) {
        let from = at * 31;
        let body: Vec<_> = (from..from + len).map(|number| (number % 251) as u8).collect();
        self.write(at, &body);
    }

    /// Writes what the length of the stream's frame leaves.
    fn write_rest(&mut self, at: usize) {
        let Some(stream) = Self::recent(&mut self.streams, at) else { return };
        if let Some(len) = stream.len().filter(|len| *len <= 2 * Self::MAX_MESSAGE_LEN) {
            let rest = (len + 4).saturating_sub(stream.bytes.len());
            self.write_body(at, rest);
        }
    }

    fn finish(&mut self, at: usize) {
        if let Some(stream) = Self::recent(&mut self.streams, at) {
            self.peer.finish(stream.id);
        }
    }

    fn reset(&mut self, at: usize) {
        let Some(stream) = Self::recent(&mut self.streams, at) else { return };
        stream.is_reset = true;
        self.peer.reset(stream.id);
    }

    fn send_datagram(&mut self, len: usize) {
        let frame = vec![self.datagrams.len() as u8; len];
        if self.peer.send(&frame) {
            self.datagrams.push(frame);
        }
    }

    fn send_to_peer(&mut self, len: usize) {
        let (Some(link), true) = (self.link, self.sent.len() < Self::MAX_SENT) else { return };
        let frame = vec![self.sent.len() as u8; len];
        if self.links.send(self.now, link, frame.clone()).is_ok() {
            self.sent.push(frame);
        }
    }

    fn read(&mut self) {
        for frame in self.peer.read() {
            let at = self.sent.iter().position(|sent| *sent == frame).expect("the table has sent this frame");
            self.sent.swap_remove(at);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        if self.links.deadline().is_some_and(|at| at <= self.now) {
            self.links.handle_timeout(self.now);
        }
        if self.peer.deadline().is_some_and(|at| at <= self.now) {
            self.peer.handle_timeout(self.now);
        }
        self.poll();
    }

    /// Passes datagrams in both directions until none is left, or a timer lets none go soon.
    fn exchange(&mut self) {
        const SOON: Duration = Duration::from_millis(50);
        for _ in 0..500 {
            let mut is_idle = true;
            let Self { links, peer, .. } = self;
            peer.flush(self.now, |datagram| {
                is_idle = false;
                links.handle(self.now, Self::PEER_ADDR.into(), None, datagram);
            });
            self.poll();
            let Self { links, peer, .. } = self;
            links.flush(self.now, |datagram| {
                is_idle = false;
                assert!(Links::is_link_datagram(datagram.contents));
                peer.handle(self.now, Self::ADDR.into(), datagram.contents);
            });
            self.poll();
            if is_idle {
                let next = [self.links.deadline(), self.peer.deadline()].into_iter().flatten().min();
                let Some(next) = next.filter(|next| *next <= self.now + SOON) else { break };
                self.pass(next.saturating_duration_since(self.now));
            }
        }
    }

    fn poll(&mut self) {
        for id in self.peer.take_delivered() {
            let stream = self.streams.iter_mut().find(|stream| stream.id == id).expect("the peer has opened it");
            stream.delivered = Some(self.now);
        }
        while let Some(event) = self.links.poll() {
            match event {
                LinkEvent::Up { link, .. } => self.link = Some(link),
                LinkEvent::Frame { frame, held, .. } => {
                    self.arrived.push(frame.to_vec());
                    held.into_iter().for_each(|held| self.links.release(self.now, held));
                }
                LinkEvent::Down { .. } => self.link = None,
                _ => {}
            }
        }
        assert_eq!(self.links.stats().panics, 0);
    }

    /// Lets lost packets be repeated, and stalled frames be given up, which each may wait for the
    /// one before. Then compares the frames that have arrived with the streams, and closes the
    /// link.
    fn end(mut self) {
        for step in [100; 50].into_iter().chain([10_000; 50]) {
            self.exchange();
            self.read();
            self.pass(Duration::from_millis(step));
        }
        assert!(self.link.is_some(), "a peer that keeps to QUIC keeps its link");
        assert!(self.is_stopped || self.sent.iter().all(|frame| frame.len() <= 1_200), "lost frames to the peer");
        // The others may have the same contents.
        self.streams.sort_by_key(|stream| !stream.is_certain());
        for stream in &self.streams {
            let Some(frame) = stream.frame() else { continue };
            let at = self.arrived.iter().position(|arrived| arrived == frame);
            assert!(at.is_some() || !stream.is_certain(), "a whole frame of {} bytes is lost", frame.len());
            at.map(|at| self.arrived.swap_remove(at));
        }
        for frame in &self.arrived {
            assert!(self.datagrams.contains(frame), "a frame of {} bytes that the peer has not sent", frame.len());
        }

        self.peer.close(self.now);
        for _ in 0..100 {
            self.exchange();
            let Some(next) = self.links.deadline() else { break };
            self.pass(next.saturating_duration_since(self.now));
        }
        let stats = self.links.stats();
        assert_eq!((stats.up, stats.handshaking, self.links.deadline()), (0, 0, None), "{stats:?}");
    }
}

impl Stream {
    /// Returns the length of the frame, in bytes, once it is written.
    fn len(&self) -> Option<usize> {
        self.bytes.first_chunk().map(|len| u32::from_be_bytes(*len) as usize)
    }

    /// Returns the frame if it is allowed and all of it is written.
    fn frame(&self) -> Option<&[u8]> {
        let len = self.len().filter(|len| *len <= World::MAX_MESSAGE_LEN)?;
        self.bytes[4..].get(..len)
    }

    /// Returns whether the frame must arrive: its stream ends with it, was not reset, and all of
    /// it was delivered before it could be given up.
    fn is_certain(&self) -> bool {
        let time = self.delivered.map(|delivered| delivered.saturating_duration_since(self.opened));
        !self.is_reset
            && time.is_some_and(|time| time < World::SAFE_TIME)
            && self.len().is_some_and(|len| len + 4 == self.bytes.len())
    }
}
