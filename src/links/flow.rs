use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rpcudp_secure::{LinkEnd, LinkStream, Links, StreamFrame, StreamRead};

use super::frame::framed;
use super::ready_queue::ReadyQueue;
use crate::lock::Lock;

/// A stream of a link, as the driver and the tasks of the application share it: a bounded buffer
/// for each direction.
pub(crate) struct Flow {
    state: Lock<State>,
    /// Weak, because the queue may outlive its driver with this in it.
    queue: Weak<ReadyQueue<Arc<Self>>>,
}

#[derive(Debug, Default)]
struct State {
    /// The stream, once the driver has opened it.
    stream: Option<LinkStream>,
    /// Whether the driver will look at the stream.
    is_ready: bool,
    sending: Sending,
    receiving: Receiving,
}

/// The half that this endpoint sends.
#[derive(Debug, Default)]
struct Sending {
    chunks: VecDeque<Bytes>,
    len: usize,
    /// Whether the request or the response, which goes first, is or was among the chunks.
    has_head: bool,
    /// The length of a response for which no memory is reserved yet.
    unreserved_len: usize,
    /// Whether the response was dropped, because it has no room.
    is_dropped: bool,
    end: Option<SendEnd>,
    /// Whether no more is sent: the end was passed on, the peer receives no more, or the link has
    /// ended.
    is_over: bool,
    waker: Option<Waker>,
}

/// The half that the peer sends.
#[derive(Debug, Default)]
struct Receiving {
    /// The bytes that the application has not read. They are copied, because a chunk of a stream
    /// keeps the whole packet that it came in, and a peer may send one byte in each.
    unread: BytesMut,
    end: Option<FlowEnd>,
    /// The code with which the application has given up the half.
    stopped: Option<u32>,
    /// Whether the driver reads no more.
    is_over: bool,
    waker: Option<Waker>,
}

/// The end of the sending half, as the application wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SendEnd {
    Finish,
    /// The half is given up, with this code.
    Reset(u32),
}

/// The end of the receiving half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlowEnd {
    /// The peer has ended its half.
    Finished,
    /// The peer has given up its half, with this code.
    Reset(u32),
    /// The link has ended.
    Link(LinkEnd),
}

/// The peer receives no more, or the stream was given up.
#[derive(Debug)]
pub(crate) struct Stopped;

/// The state of a stream after the driver's work.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FlowState {
    pub(crate) is_sending_over: bool,
    pub(crate) is_receiving_over: bool,
    /// Whether the peer or the end of the link has ended sending before the request or the response
    /// was ready to be sent.
    pub(crate) was_stopped: bool,
    /// Whether the response was dropped since the last time, because it has no room.
    pub(crate) is_dropped: bool,
}

impl Flow {
    /// The length of the longest frame of a request: its body, and as much as metadata and the
    /// deadline may take.
    pub(crate) const MAX_REQUEST_LEN: usize = Self::MAX_REQUEST_BODY_LEN + 1_024;

    /// The length of the longest body of a response: a frame with it has at most 1 MiB.
    pub(crate) const MAX_RESPONSE_BODY_LEN: usize = (1 << 20) - 1_024;

    /// The length of the longest body of a request, in bytes. A peer may have many streams, each of
    /// which takes as much memory before a handler runs.
    pub(crate) const MAX_REQUEST_BODY_LEN: usize = 16 << 10;

    /// Bytes that wait for QUIC, beyond which the sender waits. One item of any length may wait.
    const MAX_UNSENT_LEN: usize = 16 << 10;

    /// Bytes that wait for the application, beyond which the rest stays in the stream.
    const MAX_UNREAD_LEN: usize = 64 << 10;

    /// Bytes that the application takes at once.
    const MAX_CHUNK_LEN: usize = 4 << 10;

    pub(super) fn new(queue: &Arc<ReadyQueue<Arc<Self>>>) -> Arc<Self> {
        Arc::new(Self { state: Lock::default(), queue: Arc::downgrade(queue) })
    }

    /// Changes the state, and lets the driver look at the stream.
    fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let result = change(&mut state);
        let was_ready = mem::replace(&mut state.is_ready, true);
        drop(state);
        if !was_ready && let Some(queue) = self.queue.upgrade() {
            queue.push(Arc::clone(self));
        }
        result
    }

    /// Sends the request, which goes before all items.
    pub(crate) fn send_request(self: &Arc<Self>, request: &[u8]) {
        self.send_head(framed(request), false);
    }

    /// Sends the response, which goes before all items. The driver drops it with the stream if the
    /// peer has taken too few others.
    pub(crate) fn send_response(self: &Arc<Self>, response: &[u8]) {
        if response.len() <= StreamFrame::MAX_ITEM_LEN {
            return self.send_head(framed(response), true);
        }
        // One that was stored for a request that came without a bidirectional stream.
        self.state.lock().sending.is_dropped = true;
        self.reset(LinkStream::DROPPED);
    }

    fn send_head(self: &Arc<Self>, head: Bytes, is_response: bool) {
        let waker = self.change(|State { sending, .. }| {
            sending.has_head = true;
            if !sending.is_over && sending.end.is_none() {
                sending.unreserved_len = if is_response { head.len() } else { 0 };
                sending.len += head.len();
                sending.chunks.push_front(head);
            }
            sending.waker.take()
        });
        waker.into_iter().for_each(Waker::wake);
    }

    /// Waits until an item may be sent. Wakes the task also if the stream is given up.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Result<(), Stopped>> {
        self.poll_with(
            cx,
            |state| &mut state.sending.waker,
            |State { sending: Sending { len, has_head, end, is_over, .. }, .. }| {
                if *is_over || end.is_some() {
                    return (Poll::Ready(Err(Stopped)), false);
                }
                let has_room = *has_head && *len < Self::MAX_UNSENT_LEN;
                (if has_room { Poll::Ready(Ok(())) } else { Poll::Pending }, true)
            },
        )
    }

    /// Returns the result of `poll`, and registers the task if that says so, with the waker that
    /// `waker` points to.
    fn poll_with<T>(
        &self,
        cx: &Context<'_>,
        waker: impl Fn(&mut State) -> &mut Option<Waker>,
        mut poll: impl FnMut(&mut State) -> (Poll<T>, bool),
    ) -> Poll<T> {
        let mut own = None;
        loop {
            let mut state = self.state.lock();
            let (polled, registers) = poll(&mut state);
            let known = waker(&mut state);
            if !registers || known.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
                return polled;
            }
            // Cloning and dropping a waker may run an executor's code: not under the lock.
            if let Some(own) = own.take() {
                let replaced = known.replace(own);
                drop(state);
                drop(replaced);
                return polled;
            }
            drop(state);
            own = Some(cx.waker().clone());
        }
    }

    /// Sends an item, or a part of one.
    pub(crate) fn send(self: &Arc<Self>, chunk: Bytes) {
        self.change(|State { sending, .. }| {
            if !sending.is_over {
                sending.len += chunk.len();
                sending.chunks.push_back(chunk);
            }
        });
    }

    /// Ends the sending half after the last sent byte.
    pub(crate) fn finish(self: &Arc<Self>) {
        self.change(|State { sending, .. }| _ = sending.end.get_or_insert(SendEnd::Finish));
    }

    /// Gives up the sending half.
    pub(crate) fn reset(self: &Arc<Self>, code: u32) {
        if self.state.lock().sending.is_over {
            return;
        }
        let waker = self.change(|State { sending, .. }| {
            sending.end = Some(SendEnd::Reset(code));
            (sending.chunks, sending.len) = (VecDeque::new(), 0);
            sending.waker.take()
        });
        waker.into_iter().for_each(Waker::wake);
    }

    /// Gives up the receiving half.
    pub(crate) fn stop(self: &Arc<Self>, code: u32) {
        if !self.state.lock().receiving.is_over {
            self.change(|State { receiving, .. }| receiving.stopped = Some(code));
        }
    }

    /// Gives up both halves, because the session that the request needs has ended. Bytes that the
    /// application has not read are dropped, unless they are the last.
    pub(super) fn end_session(self: &Arc<Self>) {
        const CODE: u32 = LinkStream::SESSION_ENDED;
        let wakers = self.change(|State { sending, receiving, .. }| {
            if !sending.is_over {
                sending.end = Some(SendEnd::Reset(CODE));
                (sending.chunks, sending.len) = (VecDeque::new(), 0);
            }
            if !receiving.is_over {
                receiving.stopped = Some(CODE);
                (receiving.unread, receiving.end) = (BytesMut::new(), Some(FlowEnd::Reset(CODE)));
            }
            [sending.waker.take(), receiving.waker.take()]
        });
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Returns the next bytes from the peer, or the end of its half.
    pub(crate) fn poll_chunk(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<Result<Bytes, FlowEnd>> {
        let mut reads_on = false;
        let polled = self.poll_with(
            cx,
            |state| &mut state.receiving.waker,
            |State { receiving, .. }| {
                let len = receiving.unread.len();
                if len == 0 {
                    return receiving.end.map_or((Poll::Pending, true), |end| (Poll::Ready(Err(end)), false));
                }
                let chunk = if len > Self::MAX_CHUNK_LEN {
                    receiving.unread.split_to(Self::MAX_CHUNK_LEN)
                } else {
                    // A stream that is read keeps no buffer.
                    mem::take(&mut receiving.unread)
                };
                let half = Self::MAX_UNREAD_LEN / 2;
                reads_on = len >= half && receiving.unread.len() < half && !receiving.is_over;
                (Poll::Ready(Ok(chunk.freeze())), false)
            },
        );
        if reads_on {
            self.change(|_| ());
        }
        polled
    }

    /// Returns the stream, if the driver has opened it.
    pub(crate) fn stream(&self) -> Option<LinkStream> {
        self.state.lock().stream
    }

    /// Notes the stream that the driver has opened or accepted.
    pub(crate) fn set_stream(&self, stream: LinkStream) {
        self.state.lock().stream = Some(stream);
    }

    /// Returns whether the application has given up both halves.
    pub(crate) fn is_abandoned(&self) -> bool {
        let State { sending, receiving, .. } = &*self.state.lock();
        matches!(sending.end, Some(SendEnd::Reset(_))) && receiving.stopped.is_some()
    }

    /// Adds the bytes that followed the head.
    pub(crate) fn receive(&self, rest: &[u8]) {
        self.state.lock().receiving.unread.extend_from_slice(rest);
    }

    /// Passes bytes between the buffers and the stream. Reads only if `reads`, because the head was
    /// read.
    pub(crate) fn transfer(&self, links: &mut Links, stream: LinkStream, now: Instant, reads: bool) -> FlowState {
        let mut state = self.state.lock();
        state.is_ready = false;
        state.sending.transfer(links, stream, now);
        state.receiving.transfer(links, stream, now, reads);
        let has_room = state.sending.is_over || state.sending.len < Self::MAX_UNSENT_LEN;
        let has_bytes = !state.receiving.unread.is_empty() || state.receiving.end.is_some();
        let wakers = [
            if has_room { state.sending.waker.take() } else { None },
            if has_bytes { state.receiving.waker.take() } else { None },
        ];
        let is_dropped = mem::take(&mut state.sending.is_dropped);
        let flow_state = FlowState { is_dropped, ..state.flow_state() };
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
        flow_state
    }

    /// Ends both halves, because the link has ended.
    pub(crate) fn end(&self, reason: LinkEnd) -> FlowState {
        let mut state = self.state.lock();
        let State { sending, receiving, .. } = &mut *state;
        sending.close();
        receiving.end.get_or_insert(FlowEnd::Link(reason));
        receiving.is_over = true;
        let wakers = [sending.waker.take(), receiving.waker.take()];
        let flow_state = state.flow_state();
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
        flow_state
    }
}

impl State {
    fn flow_state(&self) -> FlowState {
        let Self { sending, receiving, .. } = self;
        FlowState {
            is_sending_over: sending.is_over,
            is_receiving_over: receiving.is_over,
            was_stopped: sending.is_over && !sending.has_head && sending.end.is_none(),
            is_dropped: false,
        }
    }
}

impl Sending {
    fn transfer(&mut self, links: &mut Links, stream: LinkStream, now: Instant) {
        if self.is_over {
            return;
        }
        if let Some(SendEnd::Reset(code)) = self.end {
            links.reset_stream(now, stream, code);
            return self.close();
        }
        let unreserved_len = mem::take(&mut self.unreserved_len);
        if unreserved_len > 0 && !links.hold_response(now, stream, unreserved_len) {
            self.is_dropped = true;
            links.reset_stream(now, stream, LinkStream::DROPPED);
            return self.close();
        }
        loop {
            // Without a chunk, too, because the peer may have stopped the stream.
            let mut chunk = self.chunks.pop_front().unwrap_or_default();
            self.len -= chunk.len();
            if links.write_stream(now, stream, &mut chunk).is_err() {
                return self.close();
            }
            if !chunk.is_empty() {
                self.len += chunk.len();
                self.chunks.push_front(chunk);
                return;
            }
            if self.chunks.is_empty() {
                break;
            }
        }
        if self.end == Some(SendEnd::Finish) {
            links.finish_stream(now, stream);
            self.close();
        }
    }

    fn close(&mut self) {
        (self.chunks, self.len, self.is_over) = (VecDeque::new(), 0, true);
    }
}

impl Receiving {
    fn transfer(&mut self, links: &mut Links, stream: LinkStream, now: Instant, reads: bool) {
        if self.is_over {
            return;
        }
        if let Some(code) = self.stopped {
            links.stop_stream(now, stream, code);
            (self.unread, self.is_over) = (BytesMut::new(), true);
            // The driver gives up a half that the application reads if the peer breaks the
            // protocol.
            self.end.get_or_insert(FlowEnd::Reset(code));
            return;
        }
        while reads && self.unread.len() < Flow::MAX_UNREAD_LEN {
            match links.read_stream(now, stream, Flow::MAX_UNREAD_LEN - self.unread.len()) {
                StreamRead::Chunk(chunk) => self.unread.extend_from_slice(&chunk),
                StreamRead::Finished => return self.close(FlowEnd::Finished),
                StreamRead::Reset(code) => return self.close(FlowEnd::Reset(code)),
                _ => return,
            }
        }
        if reads {
            links.hold_stream(now, stream);
        }
    }

    fn close(&mut self, end: FlowEnd) {
        (self.end, self.is_over) = (Some(end), true);
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unread_bytes_take_no_more_memory_than_their_bound() {
        let flow = Flow::new(&Arc::new(ReadyQueue::new(&Arc::default())));
        let cx = &mut Context::from_waker(Waker::noop());
        let (mut sent, mut read) = (0_u32, 0_u32);
        let mut max_capacity = 0;
        for round in 1..400 {
            // As a peer that sends one byte in each packet, to an application that reads a little.
            while flow.state.lock().receiving.unread.len() < Flow::MAX_UNREAD_LEN {
                flow.receive(&[(sent % 251) as u8]);
                sent += 1;
            }
            max_capacity = max_capacity.max(flow.state.lock().receiving.unread.capacity());
            for _ in 0..round % 20 {
                let Poll::Ready(Ok(chunk)) = flow.poll_chunk(cx) else { break };
                assert!(chunk.len() <= Flow::MAX_CHUNK_LEN);
                for byte in chunk {
                    assert_eq!(u32::from(byte), read % 251);
                    read += 1;
                }
            }
        }
        assert!(max_capacity <= 2 * Flow::MAX_UNREAD_LEN, "{max_capacity}");
    }
}
