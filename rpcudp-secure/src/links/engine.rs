use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use quinn_proto::{ConnectionHandle, DatagramEvent, Endpoint, Event, Incoming, Transmit, VarInt};

use super::admission::{Admission, Verdict};
use super::config::Config;
use super::counts::LinkStats;
use super::event::{Expected, LinkEnd, LinkEvent, LinkId, Outgoing, SendError};
use super::first_packet::FirstPacket;
use super::index::Index;
use super::link::{Link, Stage, Target, Unvalidated};
use super::message_memory::MessageMemory;
use super::peer_memory::PeerMemory;
use super::status::LinkStatus;
use super::timers::Timers;
use crate::options::LinkOptions;
use crate::peer_id::PeerId;
use crate::tls::{SERVER_NAME, allows, proven_key};

/// The table of links behind [`Links`](super::Links), which catches its panics.
pub(super) struct Engine {
    config: Arc<Config>,
    endpoint: Endpoint,
    /// By the handles of `endpoint`. A link is taken out while it is worked on.
    links: Vec<Option<Box<Link>>>,
    pub(super) index: Index,
    next_generation: u32,
    timers: Timers,
    /// The links that may have something to send.
    pub(super) queue: Vec<u32>,
    /// Responses that belong to no link.
    responses: Vec<(Transmit, Vec<u8>)>,
    pub(super) events: VecDeque<LinkEvent>,
    admission: Admission,
    pub(super) memory: MessageMemory,
    /// The links with frames that wait for memory, the longest first.
    pub(super) starved: VecDeque<LinkId>,
    /// The memory for responses that wait, or that their peers have not acknowledged. A peer
    /// decides when to ask for them and when to take them.
    response_memory: PeerMemory,
    /// The windows that links may still have for streams which are read slowly.
    pub(super) spare_windows: u32,
    stats: LinkStats,
}

impl Engine {
    /// Datagrams of a link that are written at once.
    const MAX_SEGMENTS: usize = 10;

    /// The part of the memory for responses that one key may take.
    const PEER_SHARE: usize = 4;

    /// The codes of QUIC with which a link is closed.
    const CLOSED: VarInt = VarInt::from_u32(0);

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

    /// Returns whether the peer of a link may open links to this endpoint.
    pub(super) fn is_allowed(&self, id: LinkId) -> bool {
        self.link(id).is_some_and(|link| link.is_allowed)
    }

    pub(super) fn handle(&mut self, now: Instant, source: SocketAddr, local: Option<IpAddr>, contents: &[u8]) {
        let first_packet = FirstPacket::of(contents, &self.config.ids);
        if first_packet.is_some_and(|packet| !self.admission.looks_at(now, packet)) {
            self.stats.ignored += 1;
            return;
        }
        self.config.clock.set(now);
        let mut response = Vec::new();
        let handled = self.endpoint.handle(now, source, local, None, BytesMut::from(contents), &mut response);
        if let Some(packet) = first_packet.filter(|_| !matches!(handled, Some(DatagramEvent::ConnectionEvent(..)))) {
            self.admission.count(packet);
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

    fn accept(&mut self, incoming: Incoming, received: usize, now: Instant) {
        let (source, is_validated) = (incoming.remote_address(), incoming.remote_address_validated());
        let (server, mut response) = (Some(self.config.server(source.ip())), Vec::new());
        let transmit = match self.admission.admit(now, source, is_validated) {
            Verdict::Accept => match self.endpoint.accept(incoming, now, &mut response, server) {
                Ok((handle, connection)) => {
                    let mut link = Link::new(self.new_id(handle), connection, now);
                    link.stage = Stage::Handshaking { is_validated };
                    link.unvalidated = (!is_validated).then_some(Unvalidated { received, sent: 0 });
                    self.work(Box::new(link), now);
                    None
                }
                Err(error) => {
                    if error.response.is_some() {
                        self.admission.end(is_validated);
                    } else {
                        self.admission.end_unbegun(now, source, is_validated);
                    }
                    self.stats.failed += 1;
                    error.response
                }
            },
            Verdict::Retry => match self.endpoint.retry(incoming, &mut response) {
                Ok(transmit) => {
                    self.stats.retried += 1;
                    Some(transmit)
                }
                Err(error) => {
                    self.endpoint.ignore(error.into_incoming());
                    None
                }
            },
            Verdict::Ignore => {
                self.stats.ignored += 1;
                self.endpoint.ignore(incoming);
                None
            }
        };
        self.responses.extend(transmit.map(|transmit| (transmit, response)));
    }

    /// Opens a link, or returns the one that there is.
    pub(super) fn connect(&mut self, now: Instant, addr: SocketAddr, expected: Expected) -> Result<LinkId, LinkEnd> {
        let key = match expected {
            Expected::Key(key) => Some(key),
            Expected::Any => None,
        };
        let open = key.and_then(|key| self.newest_to(key)).or_else(|| self.index.opened_to(addr, expected));
        if let Some(open) = open {
            return Ok(open);
        }
        let (client, proven) = self.config.client(addr.ip(), key);
        let connected = self.endpoint.connect(now, client, addr, SERVER_NAME);
        let (handle, connection) = connected.map_err(|_| LinkEnd::NoAnswer)?;
        let id = self.new_id(handle);
        let mut link = Link::new(id, connection, now);
        link.target = Some(Target { addr, expected, proven, handshake: None });
        self.index.add_target(addr, expected, id);
        self.work(Box::new(link), now);
        Ok(id)
    }

    pub(super) fn send(&mut self, now: Instant, id: LinkId, frame: Bytes) -> Result<(), SendError> {
        self.send_as(now, id, frame, false)
    }

    fn send_as(&mut self, now: Instant, id: LinkId, frame: Bytes, is_reliable: bool) -> Result<(), SendError> {
        let limit = self.config.options.max_message_len;
        if frame.len() > limit {
            return Err(SendError::TooLarge { limit });
        }
        let link = self.links.get_mut(id.slot as usize).and_then(Option::as_mut).filter(|link| link.id == id);
        let link = link.ok_or(SendError::Ended)?;
        let max_unsent_len = self.config.max_unsent_len();
        if is_reliable {
            link.send_on_stream(frame, max_unsent_len)?;
        } else {
            link.send(frame, max_unsent_len)?;
        }
        link.last_used = now;
        Self::queue(&mut self.queue, link);
        link.count_unsent(&mut self.stats.unsent_bytes);
        Ok(())
    }

    /// Sends a response, if the peer's share of the memory has room. `is_reliable` says whether it
    /// takes a stream although it may fit into a packet.
    pub(super) fn respond(
        &mut self,
        now: Instant,
        id: LinkId,
        frame: Bytes,
        is_reliable: bool,
    ) -> Result<(), SendError> {
        let Some(Link { stage: Stage::Up(peer), .. }) = self.link(id) else { return Err(SendError::Ended) };
        let peer = *peer;
        let has_room = self.response_memory.has_room(frame.len());
        if !has_room || !self.response_memory.has_room_for(peer, frame.len()) {
            return Err(SendError::Full);
        }
        let held_len = |engine: &Self| engine.link(id).map_or(0, Link::held_len);
        let before = held_len(self);
        self.send_as(now, id, frame, is_reliable)?;
        let len = held_len(self).saturating_sub(before);
        if len > 0
            && let Some(link) = self.links[id.slot as usize].as_mut()
        {
            link.responses_len += len;
            self.response_memory.take(peer, len);
        }
        Ok(())
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

    /// Returns whether responses wait, or are large and not acknowledged.
    pub(super) fn has_unsent_responses(&self) -> bool {
        self.response_memory.used() > 0
    }

    /// Closes a link. The peer is told.
    pub(super) fn close(&mut self, now: Instant, id: LinkId) {
        if self.link(id).is_some()
            && let Some(mut link) = self.take(ConnectionHandle(id.slot as usize))
        {
            self.close_link(&mut link, LinkEnd::Closed, now);
            self.work(link, now);
        }
    }

    /// Closes all links.
    pub(super) fn close_all(&mut self, now: Instant) {
        for slot in 0..self.links.len() {
            if let Some(id) = self.links[slot].as_ref().map(|link| link.id) {
                self.close(now, id);
            }
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
        let mut buffer = Vec::new();
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
                link.messages.arrivals.expire(&mut link.connection, (&mut self.memory, peer), now);
            }
            link.streams.keep_alive(&mut link.connection, now);
            self.work(link, now);
        }
    }

    fn new_id(&mut self, handle: ConnectionHandle) -> LinkId {
        let generation = self.next_generation;
        self.next_generation = generation.wrapping_add(1);
        LinkId { slot: u32::try_from(handle.0).expect("far fewer links are allowed"), generation }
    }

    pub(super) fn link(&self, id: LinkId) -> Option<&Link> {
        self.links.get(id.slot as usize)?.as_deref().filter(|link| link.id == id)
    }

    pub(super) fn take(&mut self, handle: ConnectionHandle) -> Option<Box<Link>> {
        self.links.get_mut(handle.0)?.take()
    }

    pub(super) fn queue(queue: &mut Vec<u32>, link: &mut Link) {
        if !std::mem::replace(&mut link.is_queued, true) {
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
            self.set_windows(&mut link);
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

    fn establish(&mut self, link: &mut Link, now: Instant) {
        let Stage::Handshaking { is_validated } = link.stage else { return };
        let Some(peer) = proven_key(link.connection.crypto_session()) else {
            return self.close_link(link, LinkEnd::Incompatible, now);
        };
        let addr = link.connection.remote_address();
        if link.target.is_none() {
            self.admission.end(is_validated);
            self.admission.know(now, addr);
            link.unvalidated = None;
        }
        // The handshake has checked the key of a peer that has opened the link.
        link.is_allowed = link.target.is_none() || allows(&self.config.options.allow, peer);
        link.establish(peer, now);
        self.index.add_peer(peer, link.id);
        self.stats.up += 1;
        self.stats.established += 1;
        self.events.push_back(LinkEvent::Up { link: link.id, peer, addr });
        link.send_waiting(self.config.max_unsent_len());
        let started = link.streams.start(&mut link.connection);
        self.report_streams(link, started);
        if self.stats.up > self.config.options.max_links as u64 {
            self.evict(now);
        }
    }

    /// Closes the link that has been idle for the longest time.
    fn evict(&mut self, now: Instant) {
        let up = self.links.iter().flatten().filter(|link| matches!(link.stage, Stage::Up(_)));
        let Some(id) = up.min_by_key(|link| (link.last_used, link.id.generation)).map(|link| link.id) else { return };
        self.stats.evicted += 1;
        self.close(now, id);
    }

    fn close_link(&mut self, link: &mut Link, reason: LinkEnd, now: Instant) {
        link.connection.close(now, Self::CLOSED, Bytes::new());
        self.end(link, (reason, false));
    }

    /// Records the end of a link, and whether the reason is that the peer's key is not allowed. Its
    /// connection stays in the table until it has drained.
    fn end(&mut self, link: &mut Link, (reason, is_denied): (LinkEnd, bool)) {
        match std::mem::replace(&mut link.stage, Stage::Ended) {
            Stage::Ended => return,
            Stage::Handshaking { is_validated } => {
                self.stats.failed += 1;
                if link.target.is_none() {
                    self.admission.end(is_validated);
                }
            }
            Stage::Up(peer) => {
                self.stats.up -= 1;
                self.index.remove_peer(peer, link.id);
                self.response_memory.release(peer, std::mem::take(&mut link.responses_len));
                link.messages.arrivals.clear(&mut self.memory, peer);
            }
        }
        self.stats.ends.count(reason, is_denied);
        if let Some(Target { addr, expected, .. }) = link.target {
            self.index.remove_target(addr, expected, link.id);
        }
        self.spare_windows += link.streams.window_count();
        link.clear();
        link.count_unsent(&mut self.stats.unsent_bytes);
        // A handshake that a peer began and did not end was no link.
        self.events.push_back(LinkEvent::Down { link: link.id, reason });
    }
}
