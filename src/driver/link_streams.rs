//! The streams of links: requests with streams, their responses, and the items of both.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rpcudp_core::limits::HEADER_LEN;
use rpcudp_core::{Counter, DropReason, Frame, MessageId};
use rpcudp_secure::{LinkEnd, LinkId, LinkStream, Links};

use super::dispatch::Dispatch;
use super::link_driver::LinkDriver;
use super::link_frames::LinkFrame;
use super::open_stream::{Head, OpenStream, Role};
use crate::links::request_flow::RequestFlow;
use crate::links::secure_peer::SecurePeer;

impl LinkDriver {
    /// Opens the stream of a call.
    pub(super) fn open_stream(&mut self, links: &mut Links, peer: &SecurePeer, call: MessageId, now: Instant) {
        let Some(flow) = peer.stream().map(|stream| Arc::clone(&stream.flow)).filter(|flow| !flow.is_abandoned())
        else {
            return;
        };
        let link = self.link_to(links, peer, now);
        let opened = link.and_then(|link| {
            let stream = links.open_stream(now, link).map_err(|_| LinkEnd::Lost)?;
            if !self.is_up(link) {
                self.wait_for_link(link, call);
            }
            Ok(stream)
        });
        match opened {
            Ok(stream) => {
                flow.set_stream(stream);
                flow.transfer(links, stream, now, false);
                self.streams.insert(stream, OpenStream::new(flow, Role::Caller(call)));
            }
            Err(reason) => {
                flow.end(reason);
                self.end_call(&call, reason);
            }
        }
    }

    /// Passes bytes between a stream and the tasks of the application, and handles its request or
    /// its response.
    pub(super) fn handle_stream(
        &mut self,
        links: &mut Links,
        stream: LinkStream,
        dispatch: &mut Dispatch,
        now: Instant,
    ) {
        let Some(mut open) = self.streams.remove(stream).or_else(|| self.accept(stream)) else { return };
        match open.read_head(links, stream, now) {
            Head::Pending => {}
            Head::Complete(head) => {
                let handled = self.handle_head(links, (stream.link, &mut open), &head, dispatch, now);
                handled.unwrap_or_else(|reason| self.shared.counters.dropped(reason));
                if let Role::Caller(call) = open.role {
                    // The response has completed the call, unless it is none: no other follows.
                    self.shared.calls.end_link_call(&call, LinkEnd::Lost, true);
                }
            }
            Head::Missing(reason) => {
                open.refuse();
                if let Role::Caller(call) = open.role {
                    self.shared.calls.end_link_call(&call, reason, true);
                }
            }
        }
        let state = open.flow.transfer(links, stream, now, open.head.is_none());
        if state.was_stopped {
            self.cancel(&open.role);
        }
        if state.is_dropped {
            self.shared.counters.dropped(DropReason::SendQueueFull);
        }
        if !(state.is_sending_over && state.is_receiving_over) {
            self.streams.insert(stream, open);
        }
    }

    /// Returns the state of a stream that the peer has opened.
    fn accept(&self, stream: LinkStream) -> Option<OpenStream> {
        let flow = self.shared.links.as_ref()?.new_flow();
        flow.set_stream(stream);
        Some(OpenStream::new(flow, Role::Server(None)))
    }

    /// Handles a request or a response.
    fn handle_head(
        &self,
        links: &Links,
        (link, open): (LinkId, &mut OpenStream),
        head: &Bytes,
        dispatch: &mut Dispatch,
        now: Instant,
    ) -> Result<(), DropReason> {
        let dialect = self.shared.config.dialect;
        let addr = links.addr(link).unwrap_or(self.shared.local_addr);
        let Some((peer, target)) = self.peer_of(link) else { return Ok(()) };
        let is_request = Frame::is_request(head, dialect);
        match &mut open.role {
            Role::Server(request) if is_request => {
                let id = head.get(1..HEADER_LEN).and_then(|id| id.try_into().ok()).map(MessageId::from_bytes);
                *request = id.map(|id| (id, peer.source));
                let peer = Arc::new(peer.with_stream(RequestFlow::new(Arc::clone(&open.flow))));
                let frame = LinkFrame { contents: head, peer: &peer, addr, target, shared: &self.shared };
                dispatch.handle_link_frame(frame, now, |response| _ = peer.respond(response))
            }
            Role::Caller(call) if Frame::response_id(head, dialect) == Some(*call) => {
                let frame = LinkFrame { contents: head, peer: &peer, addr, target, shared: &self.shared };
                dispatch.handle_link_frame(frame, now, |_| ()).inspect_err(|_| open.refuse())
            }
            _ => {
                open.refuse();
                Err(DropReason::WrongShape)
            }
        }
    }

    /// Cancels the handler of a request, as the caller does not receive the response any more.
    fn cancel(&self, role: &Role) {
        if let Role::Server(Some((id, source))) = role
            && self.shared.handlers.cancel(*id, *source)
        {
            self.shared.counters.add(Counter::CancelsReceived, 1);
        }
    }

    /// Ends the streams of a link that has ended, and the calls that wait for their responses.
    pub(super) fn end_streams(&mut self, link: LinkId, reason: LinkEnd) {
        while let Some(open) = self.streams.pop(link) {
            let state = open.flow.end(reason);
            match open.awaiting_call() {
                Some(call) => self.shared.calls.end_link_call(&call, reason, true),
                None if state.was_stopped => self.cancel(&open.role),
                None => {}
            }
        }
    }

    /// Ends all streams, because the endpoint has closed.
    pub(super) fn end_all_streams(&mut self) {
        self.streams.take().for_each(|open| _ = open.flow.end(LinkEnd::Closed));
    }
}
