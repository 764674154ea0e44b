//! The frames that arrive over links. They are those of the plain wire, from a peer with a proven
//! key.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rpcudp_core::{Counter, DropReason, Failure, Frame, MessageId, RefusalKind, Request};
use rpcudp_transport::Received;

use super::dispatch::Dispatch;
use super::source_batch::SourceBatch;
use crate::calls::response_guard::ResponseGuard;
use crate::clock::coarse_millis;
use crate::endpoint::shared::Shared;
use crate::links::linked_peer::LinkedPeer;
use crate::telemetry::metrics::RequestMeter;
use crate::telemetry::outcome::Outcome;

/// A frame that has arrived over a link.
pub(super) struct LinkFrame<'a> {
    pub(super) contents: &'a [u8],
    pub(super) peer: &'a Arc<LinkedPeer>,
    /// The address of the peer. That of the endpoint for a response, which needs none.
    pub(super) addr: SocketAddr,
    /// The address that stands for the target that the link was opened for.
    pub(super) target: Option<SocketAddr>,
    /// The endpoint's state. A lent handle, because all threads count handles to it.
    pub(super) shared: &'a Arc<Shared>,
}

impl Dispatch {
    /// Handles a frame. Passes the responses of sync methods to `respond`.
    ///
    /// # Errors
    ///
    /// The reason to drop the frame.
    pub(super) fn handle_link_frame(
        &mut self,
        frame: LinkFrame<'_>,
        now: Instant,
        mut respond: impl FnMut(&[u8]),
    ) -> Result<(), DropReason> {
        let dialect = self.shared.config.dialect;
        let LinkFrame { contents, peer, .. } = frame;
        if Frame::is_request(contents, dialect) {
            if !peer.is_served {
                return self.refuse_link_request(&frame, respond);
            }
            let handled = self.handle_link_request(&frame, now);
            (0..self.responses.len()).for_each(|index| respond(self.responses.datagram(index).contents));
            self.responses.clear();
            return handled;
        }
        if Frame::is_cancel(contents, dialect) {
            let Frame::Cancel { id } = Frame::decode(contents, dialect)? else {
                unreachable!("`Frame::is_cancel` and `Frame::decode` agree on cancel frames");
            };
            if !self.shared.handlers.cancel(id, peer.source) {
                return Err(DropReason::UnmatchedCancel);
            }
            self.shared.counters.add(Counter::CancelsReceived, 1);
            return Ok(());
        }
        let shared = Arc::clone(frame.shared);
        let mut calls = shared.calls.lock_for_responses();
        let id = Frame::response_id(contents, dialect);
        let handled = self.handle_link_response(&mut calls, &frame, id);
        drop(calls);
        self.wake_timekeeper_if_due();
        handled
    }

    /// Notes that a stream waits for datagrams.
    pub(super) fn expect_datagrams(&mut self) {
        self.is_idle = false;
    }

    fn handle_link_request(&mut self, frame: &LinkFrame<'_>, now: Instant) -> Result<(), DropReason> {
        let LinkFrame { contents, peer, addr, shared, .. } = *frame;
        self.coarse_millis = coarse_millis();
        self.source_batch = shared.config.limits.applies_to(addr).then(|| {
            let mut limiter = shared.limiter();
            // The peer has proven its key and that it receives at its address.
            limiter.validate(peer.source, now);
            let mut admission = limiter.admit(peer.source, 1, now);
            // The link's congestion control bounds the responses.
            admission.response_bytes = u64::MAX;
            SourceBatch::new(peer.source, admission, 1, 0)
        });
        self.head.context.link = Some(Arc::clone(peer));
        let handled = self.handle_request(&Received { source: addr, local: None, contents }, now);
        self.head.context.link = None;
        self.charge_responses(now);
        self.source_batch = None;
        handled
    }

    /// Refuses a request over a link that this endpoint has opened, from a peer that may not open
    /// one.
    #[cold]
    fn refuse_link_request(&self, frame: &LinkFrame<'_>, mut respond: impl FnMut(&[u8])) -> Result<(), DropReason> {
        let LinkFrame { contents, peer, addr, shared, .. } = *frame;
        let (dialect, timing) = (shared.config.dialect, RequestMeter::unknown().begin());
        let request = Request::decode(contents, dialect)?;
        shared.counters.add(Counter::RequestsReceived, 1);
        shared.counters.add(Counter::RequestsRefused, 1);
        tracing::debug!(
            target: "rpcudp",
            method = request.method,
            peer = %addr,
            peer_id = %peer.peer_id,
            "request refused: the key is not allowed, and this endpoint has opened the link"
        );
        if dialect.has_failures() {
            let code = RefusalKind::Rejected.into();
            let mut failure = Vec::new();
            Failure { id: request.id, code, message: request.method, detail: None }.encode(&mut failure, usize::MAX);
            respond(&failure);
        }
        timing.end(Outcome::Refused(RefusalKind::Rejected));
        Ok(())
    }

    /// Completes the call that a response with an id belongs to. The caller unlocks the table of
    /// calls, and wakes the timekeeper after that.
    ///
    /// # Errors
    ///
    /// The reason to drop the response.
    pub(super) fn handle_link_response(
        &mut self,
        calls: &mut ResponseGuard<'_>,
        frame: &LinkFrame<'_>,
        id: Option<MessageId>,
    ) -> Result<(), DropReason> {
        let LinkFrame { contents, peer, target, .. } = *frame;
        // A call without a pinned key was made to the target, not to the key that it has turned
        // out to have.
        let was_made_to = |source| id.is_some_and(|id| calls.was_made_to(&id, source));
        let target = target.filter(|target| *target != peer.source && was_made_to(*target));
        let source = target.unwrap_or(peer.source);
        // A call over the plain wire may take responses from any address, and a link is none.
        if target.is_none() && !was_made_to(source) && id.is_some_and(|id| calls.expects(&id, source).is_ok()) {
            return Err(DropReason::WrongSource);
        }
        self.handle_response(calls, &Received { source, local: None, contents })
    }
}
