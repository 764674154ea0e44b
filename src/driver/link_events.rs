//! The events of the links: frames that arrive, and the progress of large ones.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rpcudp_core::{DropReason, Frame, MessageId};
use rpcudp_secure::{FrameId, HeldMemory, LinkEvent, LinkId, Links, SendError};

use super::dispatch::Dispatch;
use super::known_link::KnownLink;
use super::link_cancel::{cancel_response, is_response};
use super::link_driver::LinkDriver;
use super::link_frames::LinkFrame;
use super::recent_links::RecentLinks;
use crate::calls::response_guard::ResponseGuard;
use crate::links::linked_peer::LinkedPeer;
use crate::links::request_memory::RequestMemory;

impl LinkDriver {
    /// Handles the events of the links, until there are no more.
    pub(super) fn handle_events(
        &mut self,
        links: &mut Links,
        dispatch: &mut Dispatch,
        (recent, now): (&mut RecentLinks, Instant),
    ) {
        loop {
            self.handle_frames(links, dispatch, (&mut *recent, now));
            let Some(event) = links.poll() else { return };
            match event {
                LinkEvent::Frame { link, frame, held: Some(held) } => {
                    let handled = self.handle_large_frame(links, (link, &frame[..], held), dispatch, now);
                    handled.unwrap_or_else(|reason| self.shared.counters.dropped(reason));
                }
                LinkEvent::Frame { link, frame, held: None } => {
                    self.handle_frame(links, (link, &frame), (dispatch, &mut None), (&mut *recent, now));
                }
                LinkEvent::Sent { link, id, sent, .. } => {
                    if sent == 0 {
                        self.carry(link, id);
                    }
                    self.transfers.record_sent(id, sent);
                }
                LinkEvent::Received { id, received, len, .. } => self.transfers.record_received(id, received, len),
                LinkEvent::Arriving { link, kind, id, .. } => {
                    if self.is_wanted(link, kind, MessageId::from_bytes(id)) {
                        self.carry(link, id);
                    } else {
                        self.shared.counters.dropped(DropReason::UnmatchedResponse);
                        links.cancel(now, link, &id);
                    }
                }
                LinkEvent::Dropped { link, kind, id, reason } => self.end_dropped((link, kind, id), reason),
                LinkEvent::Stream { stream } => self.handle_stream(links, stream, dispatch, now),
                event => {
                    *recent = RecentLinks::default();
                    self.handle_event(links, event);
                }
            }
        }
    }

    /// Handles the frames that came in packets, until another event is next.
    fn handle_frames(&self, links: &mut Links, dispatch: &mut Dispatch, (recent, now): (&mut RecentLinks, Instant)) {
        let mut calls = None;
        while let Some((link, frame)) = links.poll_frame() {
            self.handle_frame(links, (link, &frame), (&mut *dispatch, &mut calls), (&mut *recent, now));
        }
        drop(calls);
        dispatch.wake_timekeeper_if_due();
    }

    /// Handles a frame that came in a packet, and sends the response of a sync method. The table of
    /// calls stays locked for a run of responses, and is never locked while a method runs.
    fn handle_frame<'a>(
        &'a self,
        links: &mut Links,
        (link, contents): (LinkId, &[u8]),
        (dispatch, calls): (&mut Dispatch, &mut Option<ResponseGuard<'a>>),
        (recent, now): (&mut RecentLinks, Instant),
    ) {
        let shared = &*self.shared;
        let Some((peer, target)) = recent.peer_of(link, &self.known) else { return };
        let id = Frame::response_id(contents, shared.config.dialect);
        let handled = if id.is_some_and(|id| !self.streams.has_call(&id)) {
            let calls = calls.get_or_insert_with(|| shared.calls.lock_for_responses());
            let frame = LinkFrame { contents, peer, addr: shared.local_addr, target, shared: &self.shared };
            dispatch.handle_link_response(calls, &frame, id)
        } else {
            *calls = None;
            self.pass_frame(links, (contents, peer, target), dispatch, now)
        };
        handled.unwrap_or_else(|reason| shared.counters.dropped(reason));
    }

    /// Sends a response over the link of its request, or, if that has ended, over another to the
    /// same key.
    pub(super) fn respond(&self, links: &mut Links, peer: &LinkedPeer, frame: Cow<'_, [u8]>, now: Instant) {
        if peer.respond(&frame) {
            return;
        }
        let sent = links.respond(now, (peer.link, peer.peer_id), frame, peer.large.is_some());
        match sent {
            Ok(()) => {}
            Err(SendError::Full) => self.shared.counters.dropped(DropReason::SendQueueFull),
            Err(_) => self.shared.counters.dropped(DropReason::SendFailed),
        }
    }

    /// Handles a frame that came over a stream.
    fn handle_large_frame(
        &self,
        links: &mut Links,
        (link, contents, held): (LinkId, &[u8], HeldMemory),
        dispatch: &mut Dispatch,
        now: Instant,
    ) -> Result<(), DropReason> {
        let memory = RequestMemory::new(held, &Self::endpoint_links(&self.shared).large_frames);
        let Some(KnownLink { peer: Some(peer), target, .. }) = self.known.get(&link) else { return Ok(()) };
        if !Frame::is_request(contents, self.shared.config.dialect) {
            return self.pass_frame(links, (contents, peer, *target), dispatch, now);
        }
        let peer = Arc::new(peer.with_large(memory));
        let handled = self.pass_frame(links, (contents, &peer, *target), dispatch, now);
        // No handler has taken it, or the context that a handler keeps would hold it.
        drop(peer.take_memory());
        handled
    }

    fn pass_frame(
        &self,
        links: &mut Links,
        (contents, peer, target): (&[u8], &Arc<LinkedPeer>, Option<SocketAddr>),
        dispatch: &mut Dispatch,
        now: Instant,
    ) -> Result<(), DropReason> {
        if Frame::is_cancel(contents, self.shared.config.dialect) {
            cancel_response(links, peer, contents, now);
        }
        if Frame::response_id(contents, self.shared.config.dialect).is_some_and(|id| self.streams.has_call(&id)) {
            // The response to a call with a stream comes over that stream, before the items.
            return Err(DropReason::WrongSource);
        }
        let addr = peer.link.and_then(|link| links.addr(link)).unwrap_or(self.shared.local_addr);
        let frame = LinkFrame { contents, peer, addr, target, shared: &self.shared };
        dispatch.handle_link_frame(frame, now, |response| {
            self.respond(links, peer, response.into(), now);
        })
    }

    /// Notes that a large frame is under way on a stream. Its call is not retransmitted meanwhile.
    fn carry(&mut self, link: LinkId, id: FrameId) {
        if let Some(known) = self.known.get_mut(&link) {
            known.carry(MessageId::from_bytes(id), &self.shared);
        }
    }

    /// Returns whether a large frame that begins to arrive is a request, or a response that a call
    /// expects.
    pub(super) fn is_wanted(&self, link: LinkId, kind: u8, id: MessageId) -> bool {
        if !is_response(kind, id, self.shared.config.dialect) {
            return true;
        }
        let Some(KnownLink { peer: Some(peer), target, .. }) = self.known.get(&link) else { return false };
        let calls = self.shared.calls.lock_for_responses();
        [Some(peer.source), *target].into_iter().flatten().any(|source| calls.expects(&id, source).is_ok())
    }
}
