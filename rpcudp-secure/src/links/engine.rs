use std::borrow::Cow;
use std::collections::VecDeque;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use quinn_proto::{ConnectionHandle, DatagramEvent, Endpoint, Event, Transmit};

use super::admission::Admission;
use super::config::Config;
use super::counts::LinkStats;
use super::event::{LinkEnd, LinkEvent, LinkId, Outgoing, SendError};
use super::first_packet::FirstPacket;
use super::frame_buffer::FrameBuffer;
use super::index::Index;
use super::link::{Link, Stage};
use super::message_memory::MessageMemory;
use super::peer_memory::PeerMemory;
use super::status::LinkStatus;
use super::timers::Timers;
use crate::options::LinkOptions;
use crate::peer_id::PeerId;

/// The table of links behind [`Links`](super::Links), which catches its panics.
pub(super) struct Engine {
    pub(super) config: Arc<Config>,
    pub(super) endpoint: Endpoint,
    /// By the handles of `endpoint`. A link is taken out while it is worked on.
    pub(super) links: Vec<Option<Box<Link>>>,
    pub(super) index: Index,
    pub(super) next_generation: u32,
    timers: Timers,
    /// The links that may have something to send.
    pub(super) queue: Vec<u32>,
    frames: FrameBuffer,
    /// The datagrams of a link that are being sent.
    datagrams: Vec<u8>,
    /// Responses that belong to no link.
    pub(super) responses: Vec<(Transmit, Vec<u8>)>,
    pub(super) events: VecDeque<LinkEvent>,
    pub(super) admission: Admission,
    pub(super) memory: MessageMemory,
    /// The links with frames that wait for memory, the longest first.
    pub(super) starved: VecDeque<LinkId>,
    /// The memory for responses that wait, or that their peers have not acknowledged. A peer
    /// decides when to ask for them and when to take them.
    pub(super) response_memory: PeerMemory,
    /// The windows that links may still have for streams which are read slowly.
    pub(super) spare_windows: u32,
    pub(super) stats: LinkStats,
}

impl Engine {
    /// Datagrams of a link that are written at once.
    const MAX_SEGMENTS: usize = 10;

    /// Memory that is kept for the datagrams of the next link, in bytes.
    const KEPT_DATAGRAMS_LEN: usize = 128 << 10;

    /// The part of the memory for responses that one key may take.
    const PEER_SHARE: usize = 4;

    pub(super) fn new(config: &Arc<Config>, now: Instant, seed: [u8; 32], first_generation: u32) -> Self {
        let server = Some(config.server(Ipv4Addr::UNSPECIFIED.into()));
        let LinkOptions { max_message_len, message_memory_len: limit, .. } = config.options;
        let peer_limit = (limit / Self::PEER_SHARE).max(max_message_len);
        Self {
            endpoint: Endpoint::new(Arc::clone(&config.endpoint), server, false, Some(seed)),
            links: Vec::new(),
            index: Index::default(),
            next_generation: first_generation,
            timers: Timers::default(),
            queue: Vec::new(),
            frames: FrameBuffer::default(),
            datagrams: Vec::new(),
            responses: Vec::new(),
            events: VecDeque::new(),
            admission: Admission::new(now),
            response_memory: PeerMemory::new(limit.max(peer_limit), peer_limit),
            memory: MessageMemory::new(max_message_len, limit),
            spare_windows: u32::try_from(limit / Config::RECEIVE_WINDOW as usize).unwrap_or(u32::MAX),
            starved: VecDeque::new(),
            stats: LinkStats::default(),
            config: Arc::clone(config),
        }
    }

    pub(super) fn next_generation(&self) -> u32 {
        self.next_generation
    }

    pub(super) fn stats(&self) -> LinkStats {
        LinkStats {
            handshaking: self.admission.handshaking() as u64,
            arriving_bytes: self.memory.used() as u64,
            ..self.stats
        }
    }

    pub(super) fn statuses(&self, now: Instant) -> Vec<LinkStatus> {
        self.links.iter().flatten().filter_map(|link| link.status(now)).collect()
    }

    pub(super) fn poll(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    pub(super) fn poll_frame(&mut self) -> Option<(LinkId, Bytes)> {
        if !matches!(self.events.front(), Some(LinkEvent::Frame { held: None, .. })) {
            return None;
        }
        let Some(LinkEvent::Frame { link, frame, .. }) = self.events.pop_front() else { return None };
        Some((link, frame))
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    pub(super) fn newest_to(&self, peer: PeerId) -> Option<LinkId> {
        self.index.newest_to(peer)
    }

    pub(super) fn has_output(&self) -> bool {
        !self.queue.is_empty() || !self.responses.is_empty()
    }

    /// Returns the address of the peer of a link that has not ended.
    pub(super) fn addr(&self, id: LinkId) -> Option<SocketAddr> {
        let link = self.link(id).filter(|link| link.stage != Stage::Ended)?;
        Some(link.connection.remote_address())
    }

    /// Returns whether a link has not ended.
    pub(super) fn is_open(&self, id: LinkId) -> bool {
        self.link(id).is_some_and(|link| link.stage != Stage::Ended)
    }

    /// Returns whether the peer of a link may open links to this endpoint.
    pub(super) fn is_allowed(&self, id: LinkId) -> bool {
        self.link(id).is_some_and(|link| link.is_allowed)
    }

    pub(super) fn handle(&mut self, now: Instant, source: SocketAddr, local: Option<IpAddr>, contents: &[u8]) {
        let is_handshaking = |id: &_| self.index.is_handshaking(id);
        let first_packet = FirstPacket::of(contents, source, &self.config.ids, is_handshaking);
        if first_packet.is_some_and(|packet| !self.admission.looks_at(now, source, packet)) {
            self.stats.ignored += 1;
            return;
        }
        self.config.clock.set(now);
        let mut response = Vec::new();
        let handled = self.endpoint.handle(now, source, local, None, BytesMut::from(contents), &mut response);
        if let Some(packet) = first_packet.filter(|_| !matches!(handled, Some(DatagramEvent::ConnectionEvent(..)))) {
            self.admission.count(source, packet);
        }
        match handled {
            None => self.stats.ignored += 1,
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                let Some(mut link) = self.take(handle) else { return };
                link.unvalidated.iter_mut().for_each(|bytes| bytes.received += contents.len());
                if source == link.connection.remote_address() || self.admission.admit_move(now, link.id.slot) {
                    link.connection.handle_event(event);
                } else {
                    self.stats.ignored += 1;
                }
                self.work(link, now);
            }
            Some(DatagramEvent::NewConnection(incoming)) => self.accept(incoming, contents.len(), now),
            // A response to a datagram whose sender is not known to be at its address is no longer
            // than the datagram.
            Some(DatagramEvent::Response(transmit)) if response.len() <= contents.len() => {
                self.responses.push((transmit, response));
            }
            Some(DatagramEvent::Response(_)) => self.stats.ignored += 1,
        }
    }

    pub(super) fn send(&mut self, now: Instant, id: LinkId, frame: Cow<'_, [u8]>) -> Result<(), SendError> {
        self.send_as(now, id, frame, false).map(|_| ())
    }

    /// Sends a frame. Returns the memory that it takes until it is sent or acknowledged, in bytes:
    /// 0 if QUIC has taken it as a datagram.
    pub(super) fn send_as(
        &mut self,
        now: Instant,
        id: LinkId,
        frame: Cow<'_, [u8]>,
        is_reliable: bool,
    ) -> Result<usize, SendError> {
        let limit = self.config.options.max_message_len;
        if frame.len() > limit {
            return Err(SendError::TooLarge { limit });
        }
        let link = self.links.get_mut(id.slot as usize).and_then(Option::as_mut).filter(|link| link.id == id);
        let link = link.ok_or(SendError::Ended)?;
        let (held_len, max_unsent_len) = (link.held_len(), self.config.max_unsent_len());
        let frame = self.frames.bytes_of(id, frame);
        if is_reliable {
            link.send_on_stream(frame, max_unsent_len)?;
        } else {
            link.send(frame, max_unsent_len)?;
        }
        link.last_used = now;
        Self::queue(&mut self.queue, link);
        link.count_unsent(&mut self.stats.unsent_bytes);
        Ok(link.held_len().saturating_sub(held_len))
    }

    /// Shows the peer of a link that is up that this end is alive.
    pub(super) fn ping(&mut self, now: Instant, id: LinkId) {
        if self.link(id).is_some_and(|link| matches!(link.stage, Stage::Up(_)))
            && let Some(mut link) = self.take(ConnectionHandle(id.slot as usize))
        {
            link.connection.ping();
            self.work(link, now);
        }
    }

    /// Returns the time at which all frames so far should have arrived.
    pub(super) fn settles_at(&mut self, now: Instant) -> Option<Instant> {
        self.links.iter_mut().flatten().filter_map(|link| link.settles_at(now)).max()
    }

    /// Returns whether frames wait for the network.
    pub(super) fn has_unsent(&mut self) -> bool {
        self.links.iter_mut().flatten().any(|link| link.has_unsent())
    }

    /// Passes the datagrams that have to be sent to `sink`.
    pub(super) fn flush(&mut self, now: Instant, sink: &mut dyn FnMut(Outgoing<'_>)) {
        for (transmit, contents) in self.responses.drain(..) {
            let Transmit { destination, src_ip, .. } = transmit;
            sink(Outgoing { destination, source: src_ip, contents: &contents });
        }
        let mut buffer = mem::take(&mut self.datagrams);
        let mut at = 0;
        // A link that is flushed may close another, which is added to the queue.
        while let Some(slot) = self.queue.get(at).copied() {
            at += 1;
            let Some(mut link) = self.take(ConnectionHandle(slot as usize)) else { continue };
            link.is_queued = false;
            loop {
                buffer.clear();
                let transmit = link.connection.poll_transmit(now, Self::MAX_SEGMENTS, &mut buffer);
                let Some(Transmit { destination, segment_size, src_ip, .. }) = transmit else { break };
                for contents in buffer.chunks(segment_size.unwrap_or(buffer.len()).max(1)) {
                    // One that may not be sent counts as lost.
                    if link.unvalidated.as_mut().is_none_or(|bytes| bytes.admit(contents.len())) {
                        sink(Outgoing { destination, source: src_ip, contents });
                    }
                }
            }
            self.settle(link, now);
        }
        self.queue.clear();
        buffer.shrink_to(Self::KEPT_DATAGRAMS_LEN);
        self.datagrams = buffer;
    }

    /// Does the work that is due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while let Some(slot) = self.timers.take_expired(now) {
            let Some(mut link) = self.take(ConnectionHandle(slot as usize)) else { continue };
            link.armed = None;
            if link.connection.poll_timeout().is_some_and(|at| at <= now) {
                link.connection.handle_timeout(now);
            }
            if link.handshake_deadline().is_some_and(|at| at <= now) {
                self.close_link(&mut link, LinkEnd::NoAnswer, now);
            }
            if let Some(peer) = link.peer() {
                let memory = (&mut self.memory, peer);
                let given_up = link.messages.arrivals.expire(&mut link.connection, memory, now);
                self.report_given_up(link.id, given_up);
            }
            link.streams.keep_alive(&mut link.connection, now);
            self.work(link, now);
        }
    }

    pub(super) fn link(&self, id: LinkId) -> Option<&Link> {
        self.links.get(id.slot as usize)?.as_deref().filter(|link| link.id == id)
    }

    pub(super) fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.get_mut(id.slot as usize)?.as_deref_mut().filter(|link| link.id == id)
    }

    pub(super) fn take(&mut self, handle: ConnectionHandle) -> Option<Box<Link>> {
        self.links.get_mut(handle.0)?.take()
    }

    pub(super) fn queue(queue: &mut Vec<u32>, link: &mut Link) {
        if !mem::replace(&mut link.is_queued, true) {
            queue.push(link.id.slot);
        }
    }

    /// Handles the events of a link that has changed, and flushes it later.
    pub(super) fn work(&mut self, mut link: Box<Link>, now: Instant) {
        Self::queue(&mut self.queue, &mut link);
        self.settle(link, now);
    }

    /// Handles the events of a link, sets its timer and puts it back into the table.
    fn settle(&mut self, mut link: Box<Link>, now: Instant) {
        let mut is_drained = false;
        let handle = ConnectionHandle(link.id.slot as usize);
        while let Some(event) = link.connection.poll_endpoint_events() {
            is_drained |= event.is_drained();
            if let Some(event) = self.endpoint.handle_event(handle, event) {
                link.connection.handle_event(event);
            }
        }
        link.set_send_window();
        while let Some(event) = link.connection.poll() {
            self.handle_event(&mut link, event, now);
        }
        self.report_sent(&mut link);
        link.count_unsent(&mut self.stats.unsent_bytes);
        if is_drained {
            self.end(&mut link, (LinkEnd::Lost, false));
            self.forget_handshake_id(&mut link);
            self.timers.clear(link.id.slot, &mut link.armed);
            return;
        }
        if let Stage::Up(peer) = link.stage
            && link.responses_len > link.held_len()
        {
            self.response_memory.release(peer, link.responses_len - link.held_len());
            link.responses_len = link.held_len();
        }
        if link.stage != Stage::Ended {
            self.widen_window(&mut link);
            link.streams.arm(now, self.config.options.idle_timeout);
        }
        let deadline = link.deadline();
        self.timers.arm(link.id.slot, &mut link.armed, deadline);
        if self.links.len() <= handle.0 {
            self.links.resize_with(handle.0 + 1, || None);
        }
        self.links[handle.0] = Some(link);
    }

    fn handle_event(&mut self, link: &mut Link, event: Event, now: Instant) {
        match event {
            Event::Connected => self.establish(link, now),
            Event::ConnectionLost { reason } => {
                let is_denied = link.is_denied(&reason);
                let reason = link.reason(&reason);
                self.end(link, (reason, is_denied));
            }
            Event::DatagramReceived => {
                let is_up = matches!(link.stage, Stage::Up(_));
                while let Some(frame) = link.connection.datagrams().recv() {
                    if is_up {
                        link.last_used = now;
                        self.events.push_back(LinkEvent::Frame { link: link.id, frame, held: None });
                    }
                }
            }
            Event::Stream(event) if matches!(link.stage, Stage::Up(_)) => self.handle_stream(link, event, now),
            Event::DatagramsUnblocked => {
                link.send_waiting(self.config.max_unsent_len());
                Self::queue(&mut self.queue, link);
            }
            Event::Stream(_) | Event::HandshakeDataReady => {}
        }
    }
}
