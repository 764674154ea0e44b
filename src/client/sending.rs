//! The requests and cancel frames that a call sends.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Context;

use rpcudp_core::contract::Delivery;
use rpcudp_core::limits::HEADER_LEN;
use rpcudp_core::{Counter, Dialect, Frame, MessageId, Request, Schedule};
use rpcudp_transport::Datagram;

use super::call_end::CallEnd;
use super::destination::reaches_several;
use super::launch::Launch;
use super::pending::PendingCall;
use super::target::Target;
use crate::buffer_pool;
use crate::calls::completion::{Completion, StartError, is_transient};
use crate::calls::response_body::ResponseBody;
use crate::clock::later;
use crate::endpoint::send_queue::SendMode;
use crate::links::secure_peer::SecurePeer;
use crate::links::source::is_link;
use crate::telemetry::progress::Progress;

impl PendingCall {
    /// Calls in flight up to which a request is sent alone, from its caller's task. With more, the
    /// callers' tasks run one after another and their requests leave together.
    const MAX_IMMEDIATE: usize = 2;

    /// Sends the request to the peer, and takes the datagram. Returns the call's key in the table,
    /// or, as the error, the end of the call, and leaves the datagram.
    #[inline]
    pub(super) fn launch(
        &mut self,
        datagram: &mut Vec<u8>,
        launch: Launch,
        cx: &mut Context<'_>,
    ) -> Result<MessageId, CallEnd> {
        let Launch { at, remaining, waits_for_ready, keeps_request, counter } = launch;
        let peer = self.peer();
        let shared = self.endpoint.shared();
        if peer.ip().is_unspecified() {
            let message = "an unspecified address (0.0.0.0 or [::]) is not a peer's address";
            return Err(CallEnd::unsendable(io::Error::new(io::ErrorKind::InvalidInput, message)));
        }
        if self.spec.delivery == Delivery::OneWay {
            let id = shared.calls.oneway_id().map_err(CallEnd::NotStarted)?;
            // The other requests of a fan-out leave with this one.
            let mode = if self.is_fixed { SendMode::Batched } else { SendMode::Immediate };
            self.send(datagram, id, None, mode)?;
            shared.counters.add(counter, 1);
            buffer_pool::give(mem::take(datagram));
            return Err(CallEnd::Completed(Completion::Response(ResponseBody::new(NIL)), 1));
        }
        if reaches_several(peer.ip()) {
            let message = "it is a multicast or broadcast address, whose members respond from other addresses: call \
                           them with `.all()`";
            return Err(CallEnd::unsendable(io::Error::new(io::ErrorKind::InvalidInput, message)));
        }
        let schedule =
            Schedule { sent: at, deadline: later(at, remaining), retransmits: self.retransmits, waits_for_ready };
        if counter == Counter::CallsStarted && self.sends_deadline && shared.config.dialect == Dialect::Rpcudp {
            // A call with metadata has the time already, and a group may have waited for a peer.
            if datagram.len() == HEADER_LEN + self.body_len() {
                Request::end(datagram, remaining);
            } else {
                Request::set_remaining(datagram, self.body_len(), remaining);
            }
        }
        let call = shared.calls.start(self.source(), schedule, cx.waker()).map_err(CallEnd::NotStarted)?;
        if call.wakes_driver {
            shared.wake_timekeeper();
        }
        let mode = if call.call_count > Self::MAX_IMMEDIATE { SendMode::Batched } else { SendMode::Immediate };
        if let Err(end) = self.send(datagram, call.key, Some(call.key), mode) {
            shared.calls.remove(&call.key);
            return Err(end);
        }
        shared.counters.add(counter, 1);
        let datagram = mem::take(datagram);
        if self.retransmits || waits_for_ready || keeps_request {
            shared.calls.keep(&call.key, datagram, keeps_request);
        } else {
            buffer_pool::give(datagram);
        }
        Ok(call.key)
    }

    /// Sends the request, or queues it.
    pub(super) fn send(
        &self,
        datagram: &mut [u8],
        id: MessageId,
        call: Option<MessageId>,
        mode: SendMode,
    ) -> Result<(), CallEnd> {
        if let Some(progress) = self.trace.record_id(id) {
            self.begin_progress(progress, id, datagram.len());
        }
        Request::set_id(datagram, id);
        match &self.target {
            Target::Peer(_) => {}
            Target::Secure(peer) => return self.send_over_link(peer, datagram, call),
            Target::Group(_) => {
                if let Some(peer) = self.member().and_then(|member| member.link()) {
                    return self.send_over_link(&peer, datagram, call);
                }
            }
        }
        let shared = self.endpoint.shared();
        let peer = self.peer();
        let datagram = Datagram { destination: peer, source: None, contents: datagram };
        match shared.send_queues.for_peer(peer).send(datagram, call, mode) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotConnected && shared.lifecycle.is_closing() => {
                Err(CallEnd::NotStarted(StartError::Closed))
            }
            // A retransmitted request counts as sent and lost.
            Err(error) if call.is_some() && self.retransmits && is_transient(&error) => {
                shared.calls.record_send_error(&id, error);
                Ok(())
            }
            Err(error) => Err(CallEnd::unsendable(error)),
        }
    }

    /// Records that the request is being sent. Over a link, the driver records the rest.
    #[cold]
    fn begin_progress(&self, progress: &Progress, id: MessageId, len: usize) {
        progress.record_request(len);
        match &self.endpoint.shared().links {
            _ if !self.is_over_link() => progress.record_sent(len),
            // If the queue is full, so that the call may not be sent either, no piece is recorded.
            Some(links) => _ = links.track(id, progress),
            None => {}
        }
    }

    /// Removes a request of the call from the table, and tells its peer that no response is needed
    /// any more. `source` is the address under which the table keeps the peer. The frame is lost if
    /// the send queue is full: it saves the peer some work, and no more depends on it.
    pub(super) fn cancel(&self, key: &MessageId, source: SocketAddr) {
        let shared = self.endpoint.shared();
        let Some(id) = shared.calls.remove(key) else { return };
        if self.has_stream() {
            // The drop of the stream tells the peer.
            return shared.counters.add(Counter::CancelsSent, 1);
        }
        let frame = self.cancel_frame(id);
        if let (Some(peer), Some(links)) = (self.secure_peer(source), &shared.links) {
            let has_frame = frame.is_some();
            if links.cancel_call(&peer, id, frame.unwrap_or_default()).is_ok() && has_frame {
                shared.counters.add(Counter::CancelsSent, 1);
            }
            return;
        }
        let Some(frame) = frame.filter(|_| !is_link(source)) else { return };
        let datagram = Datagram { destination: source, source: None, contents: &frame };
        // Queued behind the request, which may be in the queue too.
        if shared.send_queues.for_peer(source).send(datagram, None, SendMode::Batched).is_ok() {
            shared.counters.add(Counter::CancelsSent, 1);
        }
        buffer_pool::give(frame);
    }

    /// Returns the target of a request over a link: the tables keep its peer under `source`.
    fn secure_peer(&self, source: SocketAddr) -> Option<Arc<SecurePeer>> {
        match &self.target {
            Target::Secure(peer) => Some(Arc::clone(peer)),
            Target::Group(_) if is_link(source) => self.endpoint.shared().links.as_ref()?.find(source),
            Target::Peer(_) | Target::Group(_) => None,
        }
    }

    /// Ends the transfer of a request or response over a link after the call has timed out. The
    /// peer knows the deadline.
    pub(super) fn stop_transfer(&self, id: MessageId) {
        if let (Some(peer), Some(links)) = (self.secure_peer(self.source()), &self.endpoint.shared().links) {
            // If the queue is full, the transfer goes on, and its result is ignored.
            let _ = links.cancel_call(&peer, id, Vec::new());
        }
    }

    /// Returns the cancel frame for a request, if the call's settings and its peer allow it.
    fn cancel_frame(&self, id: MessageId) -> Option<Vec<u8>> {
        let config = &self.endpoint.shared().config;
        let is_sent = self.sends_deadline && config.calls.sends_cancels && config.dialect.has_cancel_frames();
        is_sent.then(|| {
            let mut frame = buffer_pool::take();
            Frame::encode_cancel(&mut frame, id);
            frame
        })
    }
}

/// The value of a oneway call, as a response would encode it.
const NIL: &[u8] = b"\xc0";
