mod admission;
mod arrivals;
mod config;
mod counts;
mod engine;
mod engine_ends;
mod engine_handshakes;
mod engine_responses;
mod engine_streams;
mod event;
mod first_packet;
mod frame_buffer;
mod frame_id;
mod frame_queue;
mod index;
mod large_frames;
mod link;
mod link_streams;
mod message_memory;
mod messages;
mod peer_memory;
mod sending;
mod status;
mod streams;
mod timers;
mod waiting;

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::config::Config;
pub use self::counts::{LinkEnds, LinkStats};
use self::engine::Engine;
pub use self::event::{
    AnyPeer, Expected, HeldMemory, LinkEnd, LinkEvent, LinkId, LinkStream, Outgoing, SendError, StreamRead,
    StreamStopped,
};
pub use self::frame_id::FrameId;
pub use self::status::LinkStatus;
use crate::identity::Identity;
use crate::options::LinkOptions;
use crate::peer_id::PeerId;
use crate::secrets::derive;
use bytes::Bytes;

/// The links of an endpoint: the ones that it has opened, and the ones that its peers have.
///
/// The order of use: [`handle`](Self::handle) for each datagram whose first byte has
/// [`QUIC_BIT`](crate::QUIC_BIT), [`connect`](Self::connect) and [`send`](Self::send) as the
/// owner likes, and [`handle_timeout`](Self::handle_timeout) at the time that
/// [`deadline`](Self::deadline) returns. After each of them [`poll`](Self::poll), again and again
/// until it returns `None`, and finally [`flush`](Self::flush). That may end links, which
/// [`has_events`](Self::has_events) tells. [`poll_frame`](Self::poll_frame) takes less time for
/// most events.
///
/// A panic of the QUIC or TLS implementation ends all links ([`LinkEnd::Lost`]), is counted in
/// [`LinkStats::panics`], and goes no further: the next link is opened in a new table. (A program
/// that is built with `panic = "abort"` ends nevertheless.)
///
/// ```
/// use rpcudp_secure::{Expected, Identity, LinkEvent, LinkOptions, Links};
/// use std::net::SocketAddr;
/// use std::time::Instant;
///
/// let now = Instant::now();
/// let (alice, bob) = (Identity::generate(), Identity::generate());
/// let addrs: [SocketAddr; 2] = [([192, 0, 2, 1], 7_000).into(), ([192, 0, 2, 2], 7_000).into()];
/// let new = |identity| Links::new(identity, LinkOptions::default(), now, [7; 32]);
/// let mut links = [new(&alice), new(&bob)];
///
/// let link = links[0].connect(now, addrs[1], Expected::Key(bob.peer_id()))?;
/// links[0].send(now, link, &b"hello"[..])?;
/// for side in [0, 1, 0, 1].repeat(3) {
///     let mut sent = Vec::new();
///     links[side].flush(now, |datagram| sent.push(datagram.contents.to_vec()));
///     sent.iter().for_each(|datagram| links[1 - side].handle(now, addrs[side], None, datagram));
/// }
/// let events: Vec<_> = std::iter::from_fn(|| links[1].poll()).collect();
/// let [LinkEvent::Up { peer, .. }, LinkEvent::Frame { frame, .. }] = &events[..] else { panic!("{events:?}") };
/// assert_eq!((*peer, &frame[..]), (alice.peer_id(), &b"hello"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Links {
    engine: Engine,
    config: Arc<Config>,
    peer_id: PeerId,
    seed: [u8; 32],
    /// The links that the owner knows.
    known: BTreeSet<LinkId>,
    /// The ends of links that a panic has caused.
    lost: VecDeque<LinkId>,
    panics: u64,
    #[cfg(test)]
    panics_next: bool,
}

impl Links {
    /// Creates an empty table. `seed` must be random and secret, unless a run in virtual time is to
    /// repeat.
    #[must_use]
    pub fn new(identity: &Identity, options: LinkOptions, now: Instant, seed: [u8; 32]) -> Self {
        let config = Arc::new(Config::new(identity, options, now, &seed));
        Self {
            engine: Engine::new(&config, now, seed, 0),
            config,
            peer_id: identity.peer_id(),
            seed,
            known: BTreeSet::new(),
            lost: VecDeque::new(),
            panics: 0,
            #[cfg(test)]
            panics_next: false,
        }
    }

    /// Returns whether a datagram belongs to a link, by its first byte.
    #[must_use]
    pub fn is_link_datagram(contents: &[u8]) -> bool {
        contents.first().is_some_and(|first| first & crate::QUIC_BIT != 0)
    }

    /// Handles a datagram that was received from `source`, and sent to the address `local`, if the
    /// system reports it.
    pub fn handle(&mut self, now: Instant, source: SocketAddr, local: Option<IpAddr>, contents: &[u8]) {
        self.guard(now, |engine| engine.handle(now, source, local, contents));
    }

    /// Opens a link to `addr`, or returns the one that there is: to the expected key, at any
    /// address and opened by either end; or, without an expected key, the one that was opened to
    /// this address.
    ///
    /// # Errors
    ///
    /// If the address is unspecified or its port is 0.
    pub fn connect(&mut self, now: Instant, addr: SocketAddr, expected: Expected) -> Result<LinkId, LinkEnd> {
        let link = self.guard(now, |engine| engine.connect(now, addr, expected)).unwrap_or(Err(LinkEnd::Lost))?;
        self.known.insert(link);
        Ok(link)
    }

    /// Sends a frame, which is copied if it is borrowed. While the link is in its handshake, or the
    /// network takes no more, up to 16 MiB of frames wait that fit into a packet, and of others as
    /// much as [`LinkOptions::message_memory`].
    ///
    /// A frame that fits into a packet, about 1,150 bytes with the default MTU and 8,850 on
    /// loopback, may be lost, as on a plain socket. A larger one is sent on a stream and arrives if
    /// the link lives.
    ///
    /// # Errors
    ///
    /// If the frame is too large, too many wait, or the link has ended.
    pub fn send<'f>(&mut self, now: Instant, link: LinkId, frame: impl Into<Cow<'f, [u8]>>) -> Result<(), SendError> {
        let frame = frame.into();
        self.guard(now, |engine| engine.send(now, link, frame)).unwrap_or(Err(SendError::Ended))
    }

    /// Sends a frame over a link if it has not ended, else over the newest link to the same key.
    /// The response to a request that came on a stream must be reliable: it takes a stream even if
    /// it is short, because the request is not retransmitted while the link lives. While a response
    /// with this id is being sent on a stream of the link, the frame is dropped.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send). The link has ended if there is none to the key. Too many frames
    /// wait if the responses that wait, or that peers have not acknowledged, take more than
    /// [`LinkOptions::message_memory`], or those to the key more than a quarter of it.
    pub fn respond<'f>(
        &mut self,
        now: Instant,
        (link, peer): (Option<LinkId>, PeerId),
        frame: impl Into<Cow<'f, [u8]>>,
        is_reliable: bool,
    ) -> Result<(), SendError> {
        let open = link.filter(|link| self.engine.is_open(*link)).or_else(|| self.engine.newest_to(peer));
        let (open, frame) = (open.ok_or(SendError::Ended)?, frame.into());
        self.guard(now, |engine| engine.respond(now, open, frame, is_reliable)).unwrap_or(Err(SendError::Ended))
    }

    /// Drops the frames with an id on a link, in both directions: those that wait, and those on
    /// streams. The sender resets the stream of a frame (`RESET_STREAM`), the receiver stops it
    /// (`STOP_SENDING`). Frames that fit into a packet and were passed to QUIC are sent.
    ///
    /// Returns whether a frame was dropped of which a part was not sent, so that the peer does not
    /// receive it.
    pub fn cancel(&mut self, now: Instant, link: LinkId, id: &FrameId) -> bool {
        self.guard(now, |engine| engine.cancel(now, link, id)).unwrap_or(false)
    }

    /// Returns the links that a call to a target may have used: those to the expected key, or,
    /// without one, the link that was opened to the address.
    #[must_use]
    pub fn used_for(&self, addr: SocketAddr, expected: Expected) -> Vec<LinkId> {
        self.engine.used_for(addr, expected)
    }

    /// Returns whether a frame with an id is under way on a stream of a link, in either direction:
    /// it is not acknowledged, or has arrived in part.
    #[must_use]
    pub fn is_under_way(&mut self, link: LinkId, id: &FrameId) -> bool {
        self.engine.is_under_way(link, id)
    }

    /// Releases the memory of a frame that its owner has held, for others that wait for it.
    pub fn release(&mut self, now: Instant, held: HeldMemory) {
        self.guard(now, |engine| engine.release(held));
    }

    /// Shows the peer of a link that this end is alive, so that the link does not end as idle.
    pub fn ping(&mut self, now: Instant, link: LinkId) {
        self.guard(now, |engine| engine.ping(now, link));
    }

    /// Returns the time after which a link in use should be shown to be alive: a third of the idle
    /// timeout. The shorter timeout of both ends counts, so each end does so.
    #[must_use]
    pub fn keep_alive_interval(&self) -> Duration {
        self.config.options.idle_timeout / 3
    }

    /// Returns whether there are responses ([`respond`](Self::respond)) that wait, or that are too
    /// large for a packet and not acknowledged by their peers.
    #[must_use]
    pub fn has_unsent_responses(&self) -> bool {
        self.engine.has_unsent_responses()
    }

    /// Returns whether this end has finished halves of streams that peers have opened, and their
    /// bytes are not acknowledged. The end of a link drops them.
    #[must_use]
    pub fn has_finishing_streams(&self) -> bool {
        self.engine.has_finishing_streams()
    }

    /// Closes a link, and tells the peer. [`Down`](LinkEvent::Down) follows.
    pub fn close(&mut self, now: Instant, link: LinkId) {
        self.guard(now, |engine| engine.close(now, link));
    }

    /// Closes all links, and tells the peers.
    pub fn close_all(&mut self, now: Instant) {
        self.guard(now, |engine| engine.close_all(now));
    }

    /// Returns the next event.
    pub fn poll(&mut self) -> Option<LinkEvent> {
        if let Some(link) = self.lost.pop_front() {
            return Some(LinkEvent::Down { link, reason: LinkEnd::Lost });
        }
        loop {
            let event = self.engine.poll()?;
            match event {
                LinkEvent::Up { link, .. } => _ = self.known.insert(link),
                // A handshake that a peer began and did not end is not reported.
                LinkEvent::Down { link, .. } if !self.known.remove(&link) => continue,
                _ => {}
            }
            return Some(event);
        }
    }

    /// Returns the next event if it is a frame that came in a packet, and leaves another to
    /// [`poll`](Self::poll). There may be thousands in a row, and an event is four times as large.
    pub fn poll_frame(&mut self) -> Option<(LinkId, Bytes)> {
        if self.lost.is_empty() { self.engine.poll_frame() } else { None }
    }

    /// Returns whether [`poll`](Self::poll) may have an event.
    #[must_use]
    pub fn has_events(&self) -> bool {
        !self.lost.is_empty() || self.engine.has_events()
    }

    /// Returns whether [`flush`](Self::flush) may have something to send.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.engine.has_output()
    }

    /// Passes the datagrams that have to be sent now to `sink`. Datagrams of one link follow each
    /// other, and have the same length where possible.
    pub fn flush(&mut self, now: Instant, mut sink: impl FnMut(Outgoing<'_>)) {
        if self.engine.has_output() {
            self.guard(now, |engine| engine.flush(now, &mut sink));
        }
    }

    /// Returns the time to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.engine.deadline()
    }

    /// Does the work that is due: repeats lost packets, and ends silent links.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.guard(now, |engine| engine.handle_timeout(now));
    }

    /// Returns the time at which the small frames so far should have arrived: a round trip after
    /// the last of each link, or from now if some wait. `None` if no link is up. The end of a link
    /// may overtake them, and after it a peer reads none.
    #[must_use]
    pub fn settles_at(&mut self, now: Instant) -> Option<Instant> {
        self.engine.settles_at(now)
    }

    /// Returns whether small frames wait, because the network takes no more.
    #[must_use]
    pub fn has_unsent(&mut self) -> bool {
        self.engine.has_unsent()
    }

    /// Returns the newest link to a key that is up, opened by either end.
    #[must_use]
    pub fn newest_to(&self, peer: PeerId) -> Option<LinkId> {
        self.engine.newest_to(peer)
    }

    /// Returns the present address of a link's peer.
    #[must_use]
    pub fn addr(&self, link: LinkId) -> Option<SocketAddr> {
        self.engine.addr(link)
    }

    /// Returns whether the peer of a link may open links to this endpoint: it has opened this one,
    /// or [`LinkOptions::allow`] allowed its key when the link came up. Do not serve the requests
    /// of others.
    #[must_use]
    pub fn is_allowed(&self, link: LinkId) -> bool {
        self.engine.is_allowed(link)
    }

    /// Returns the links that are up. Takes a time that grows with their number.
    pub fn statuses(&mut self, now: Instant) -> Vec<LinkStatus> {
        self.guard(now, |engine| engine.statuses(now)).unwrap_or_default()
    }

    /// Returns the own key.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// Returns the counts since the table was made, or since the last panic.
    #[must_use]
    pub fn stats(&self) -> LinkStats {
        LinkStats { panics: self.panics, ..self.engine.stats() }
    }

    /// Runs code that calls QUIC and TLS. After a panic, their state may be half changed, so it is
    /// replaced.
    fn guard<T>(&mut self, now: Instant, code: impl FnOnce(&mut Engine) -> T) -> Option<T> {
        #[cfg(test)]
        let panics_next = mem::take(&mut self.panics_next);
        let engine = &mut self.engine;
        let result = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            assert!(!panics_next, "a test wants this panic");
            let result = code(engine);
            if engine.memory.has_freed() {
                engine.feed_starved(now);
            }
            result
        }));
        if result.is_err() {
            self.replace_engine(now);
        }
        result.ok()
    }

    fn replace_engine(&mut self, now: Instant) {
        self.panics += 1;
        let seed = derive(&self.seed, &format!("after panic {}", self.panics));
        let engine = Engine::new(&self.config, now, seed, self.engine.next_generation());
        let old = mem::replace(&mut self.engine, engine);
        // The state that a panic has left may panic again.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(old))) {
            mem::forget(payload);
        }
        self.lost.extend(mem::take(&mut self.known));
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("peer_id", &self.peer_id).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
