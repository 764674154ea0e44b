use std::net::SocketAddr;
use std::time::Instant;

use quinn_proto::{ConnectionHandle, Dir, StreamEvent, StreamId};

use super::arrivals::{GivenUp, Read, Received};
use super::engine::Engine;
use super::event::{Expected, HeldMemory, LinkEnd, LinkEvent, LinkId};
use super::frame_id::{FrameId, REQUEST_KINDS};
use super::link::Link;
use super::messages::{len_of, limit_of};
use super::sending::Sent;

/// The frames that do not fit into a packet.
impl Engine {
    /// Drops the frames with an id. Returns whether one was dropped of which a part was not sent.
    pub(super) fn cancel(&mut self, now: Instant, id: LinkId, frame: &FrameId) -> bool {
        if self.link(id).is_none() {
            return false;
        }
        let Some(mut link) = self.take(ConnectionHandle(id.slot as usize)) else { return false };
        let is_unsent = link.cancel(frame, &mut self.memory);
        self.work(link, now);
        is_unsent
    }

    /// Returns the links that a call to a target may have used.
    pub(super) fn used_for(&self, addr: SocketAddr, expected: Expected) -> Vec<LinkId> {
        let to_key = match expected {
            Expected::Key(key) => self.index.links_to(key),
            Expected::Any => &[],
        };
        // The one in its handshake is not among those to the key yet.
        let opened = self.index.opened_to(addr, expected).filter(|link| !to_key.contains(link));
        to_key.iter().copied().chain(opened).collect()
    }

    pub(super) fn handle_stream(&mut self, link: &mut Link, event: StreamEvent, now: Instant) {
        let event = match link.streams.handle(&mut link.connection, event) {
            Ok(numbers) => {
                link.last_used = now;
                return self.report_streams(link, numbers);
            }
            Err(event) => event,
        };
        let streams = match event {
            StreamEvent::Opened { dir: Dir::Uni } => link.messages.arrivals.accept(&mut link.connection, now),
            StreamEvent::Readable { id } => vec![id],
            event => {
                let sending = &mut link.messages.sending;
                match event {
                    StreamEvent::Finished { id } => sending.acknowledge(id),
                    StreamEvent::Stopped { id, error_code } => {
                        if let Some((kind, id)) = sending.handle_stop(&mut link.connection, id, error_code) {
                            let too_large = limit_of(error_code).map(|limit| LinkEnd::RequestTooLarge { limit });
                            let reason = too_large.unwrap_or(LinkEnd::Dropped);
                            self.events.push_back(LinkEvent::Dropped { link: link.id, kind, id, reason });
                        }
                    }
                    _ => {}
                }
                sending.write(&mut link.connection);
                Vec::new()
            }
        };
        self.read_streams(link, streams, now);
    }

    /// Reports the parts of frames that a link has written.
    pub(super) fn report_sent(&mut self, link: &mut Link) {
        if !link.messages.sending.has_reports() {
            return;
        }
        let id = link.id;
        let sent = |Sent { kind, id: frame, sent }| LinkEvent::Sent { link: id, kind, id: frame, sent };
        self.events.extend(link.messages.sending.take_reports().map(sent));
    }

    /// Returns whether a frame with an id is under way on a stream of a link.
    pub(super) fn is_under_way(&mut self, link: LinkId, id: &FrameId) -> bool {
        self.link_mut(link).is_some_and(|link| link.messages.sending.has(id) || link.messages.arrivals.has(id))
    }

    /// Releases the memory of a frame that its owner has held.
    pub(super) fn release(&mut self, HeldMemory { peer, len }: HeldMemory) {
        self.memory.release(peer, len);
    }

    fn read_streams(&mut self, link: &mut Link, streams: Vec<StreamId>, now: Instant) {
        let Some(peer) = link.peer() else { return };
        for stream in streams {
            match link.messages.arrivals.read(&mut link.connection, stream, (&mut self.memory, peer), now) {
                Read::Pending(None) => {}
                Read::Ended(given_up) => self.report_given_up(link.id, given_up),
                Read::Pending(Some(Received { kind, id, received, len, is_first })) => {
                    let link = link.id;
                    self.events.extend(is_first.then_some(LinkEvent::Arriving { link, kind, id, len }));
                    self.events.push_back(LinkEvent::Received { link, id, received, len });
                }
                Read::Starved if self.starved.contains(&link.id) => {}
                Read::Starved => self.starved.push_back(link.id),
                Read::Complete(frame) => {
                    link.last_used = now;
                    let held = Some(HeldMemory { peer, len: frame.len() });
                    self.events.push_back(LinkEvent::Frame { link: link.id, frame, held });
                }
            }
        }
    }

    /// Reports responses that do not arrive. The sender of a request has another report.
    pub(super) fn report_given_up(&mut self, link: LinkId, given_up: impl IntoIterator<Item = GivenUp>) {
        let limit = len_of(self.memory.max_message_len());
        let responses = given_up.into_iter().filter(|frame| !REQUEST_KINDS.contains(&frame.kind));
        self.events.extend(responses.map(|GivenUp { kind, id, too_large }| {
            let too_large = too_large.map(|size| LinkEnd::ResponseTooLarge { size: len_of(size), limit });
            LinkEvent::Dropped { link, kind, id, reason: too_large.unwrap_or(LinkEnd::Dropped) }
        }));
    }

    /// Reads the streams that wait for memory if some was released, those of the link that has
    /// waited for longest first.
    pub(super) fn feed_starved(&mut self, now: Instant) {
        while self.memory.begin_feeding() {
            for id in std::mem::take(&mut self.starved) {
                if self.memory.is_contended() {
                    // The frames of other links do not overtake the one that waits.
                    self.starved.push_back(id);
                    continue;
                }
                if self.link(id).is_none() {
                    continue;
                }
                let Some(mut link) = self.take(ConnectionHandle(id.slot as usize)) else { continue };
                let streams = link.messages.arrivals.starved();
                self.read_streams(&mut link, streams, now);
                self.work(link, now);
            }
        }
        self.memory.end_feeding();
    }
}
