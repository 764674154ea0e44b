use std::collections::BTreeMap;

use bytes::Bytes;
use quinn_proto::{Connection, Dir, StreamId, VarInt, WriteError};

use super::config::Config;
use super::frame_buffer::FrameBuffer;
use super::frame_id::{FrameId, REQUEST_KINDS, id_of};
use super::frame_queue::{Dropped, FrameQueue};
use super::messages::{HEADER_LEN, STOPPED, TAKEN};

/// The large frames that a link sends.
#[derive(Debug, Default)]
pub(super) struct Sending {
    /// The requests that wait for a stream.
    requests: FrameQueue,
    /// The other frames that wait for a stream.
    responses: FrameQueue,
    /// The frames that are being written: requests after the others, the oldest first. It takes the
    /// peer's credit before the others do, so that the peer has memory for the frames that it
    /// reads.
    writing: Vec<Writing>,
    /// The frames that have a stream and that the peer has not acknowledged.
    unacknowledged: BTreeMap<StreamId, Unacknowledged>,
    /// The bytes that are not written.
    unsent_len: usize,
    /// The bytes of all frames.
    held_len: usize,
    /// The frames that were queued, or of which more was written, for the owner.
    reports: Vec<Sent>,
}

/// A part of a frame that was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) kind: u8,
    pub(super) id: FrameId,
    pub(super) sent: usize,
}

#[derive(Debug)]
struct Writing {
    stream: StreamId,
    /// The rest of the header, and the rest of the frame.
    rest: [Bytes; 2],
    /// The kind and the id of the frame.
    name: Option<(u8, FrameId)>,
    frame_len: usize,
}

#[derive(Debug)]
struct Unacknowledged {
    /// The kind and the id of the frame.
    name: Option<(u8, FrameId)>,
    len: usize,
}

impl Unacknowledged {
    fn has_id(&self, id: &FrameId) -> bool {
        self.name.as_ref().is_some_and(|(_, known)| known == id)
    }

    fn is_request(&self) -> bool {
        self.name.is_some_and(|(kind, _)| REQUEST_KINDS.contains(&kind))
    }
}

fn is_request(frame: &Bytes) -> bool {
    frame.first().is_some_and(|kind| REQUEST_KINDS.contains(kind))
}

impl Writing {
    /// Writes as much as the peer's windows allow. Returns whether a part is left.
    fn write(&mut self, connection: &mut Connection, unsent_len: &mut usize) -> bool {
        let mut stream = connection.send_stream(self.stream);
        while self.len() > 0 {
            match stream.write_chunks(&mut self.rest) {
                Ok(written) => *unsent_len -= written.bytes,
                Err(WriteError::Blocked) => return true,
                Err(WriteError::Stopped(_) | WriteError::ClosedStream) => {
                    *unsent_len -= self.len();
                    let _ = stream.reset(STOPPED);
                    return false;
                }
            }
        }
        let _ = stream.finish();
        false
    }

    fn len(&self) -> usize {
        self.rest.iter().map(Bytes::len).sum()
    }
}

impl Sending {
    /// The memory that a frame takes besides its bytes.
    const ENTRY_LEN: usize = HEADER_LEN + FrameQueue::ENTRY_LEN;

    /// Queues a frame. Returns `false` if more than `limit` bytes would be unsent. One frame of any
    /// length may be.
    pub(super) fn queue(&mut self, frame: Bytes, limit: usize) -> bool {
        if self.unsent_len > 0 && self.unsent_len + frame.len() > limit {
            return false;
        }
        self.unsent_len += HEADER_LEN + frame.len();
        self.held_len += Self::ENTRY_LEN + frame.len();
        self.reports.extend(id_of(&frame).map(|id| Sent { kind: frame[0], id, sent: 0 }));
        let waiting = if is_request(&frame) { &mut self.requests } else { &mut self.responses };
        waiting.push(FrameBuffer::apart(frame));
        true
    }

    /// Writes as much as the peer's windows allow.
    pub(super) fn write(&mut self, connection: &mut Connection) {
        while let Some(is_request) = self.next_is_request()
            && let Some(stream) = connection.streams().open(Dir::Uni)
        {
            let waiting = if is_request { &mut self.requests } else { &mut self.responses };
            let Some(frame) = waiting.pop() else { break };
            let (name, frame_len) = (id_of(&frame).map(|id| (frame[0], id)), frame.len());
            self.unacknowledged.insert(stream, Unacknowledged { name, len: Self::ENTRY_LEN + frame_len });
            let header = Bytes::copy_from_slice(&(frame_len as u32).to_be_bytes());
            let writing = Writing { stream, rest: [header, frame], name, frame_len };
            let first_request = self
                .writing
                .iter()
                .position(|writing| writing.name.is_some_and(|(kind, _)| REQUEST_KINDS.contains(&kind)));
            match first_request.filter(|_| !is_request) {
                Some(at) => self.writing.insert(at, writing),
                None => self.writing.push(writing),
            }
        }
        let Self { writing, unsent_len, reports, .. } = self;
        writing.retain_mut(|writing| {
            let before = *unsent_len;
            let is_left = writing.write(connection, unsent_len);
            let sent = writing.frame_len - writing.rest[1].len();
            if *unsent_len < before {
                reports.extend(writing.name.map(|(kind, id)| Sent { kind, id, sent }));
            }
            is_left
        });
    }

    /// Returns whether the frame to send next is a request: responses go before requests, and some
    /// streams are left to responses. The peer's handlers may wait for them, and hold the memory
    /// that the requests wait for. `None` if no frame may be sent: a peer that allows more streams
    /// is not sent more frames at once, because each is looked at whenever more can be written.
    fn next_is_request(&self) -> Option<bool> {
        if self.unacknowledged.len() >= Config::MAX_STREAMS as usize {
            return None;
        }
        if !self.responses.is_empty() {
            return Some(false);
        }
        let request_count = self.unacknowledged.values().filter(|sent| sent.is_request()).count();
        (!self.requests.is_empty() && request_count < Config::MAX_REQUEST_STREAMS).then_some(true)
    }

    /// Returns whether parts were written since the last call of
    /// [`take_reports`](Self::take_reports).
    pub(super) fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// Takes the parts that were written since the last call.
    pub(super) fn take_reports(&mut self) -> impl Iterator<Item = Sent> {
        self.reports.drain(..)
    }

    /// Returns the memory of the frames that the peer has not acknowledged, in bytes.
    pub(super) fn held_len(&self) -> usize {
        self.held_len
    }

    /// Forgets a frame that the peer has acknowledged.
    pub(super) fn acknowledge(&mut self, stream: StreamId) {
        self.held_len -= self.unacknowledged.remove(&stream).map_or(0, |sent| sent.len);
    }

    /// Forgets a frame that the peer has stopped with a code. Returns the kind and the id of a
    /// request that the peer does not take.
    pub(super) fn handle_stop(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        code: VarInt,
    ) -> Option<(u8, FrameId)> {
        let request = self.unacknowledged.get(&stream).filter(|sent| sent.is_request()).and_then(|sent| sent.name);
        let is_unsent = self.stop(connection, stream);
        request.filter(|_| is_unsent || code != TAKEN)
    }

    /// Forgets a frame that the peer or the owner does not want. Returns whether a part of it was
    /// not written.
    fn stop(&mut self, connection: &mut Connection, stream: StreamId) -> bool {
        // Fails if `write` has done so.
        let _ = connection.send_stream(stream).reset(STOPPED);
        self.acknowledge(stream);
        let Some(at) = self.writing.iter().position(|writing| writing.stream == stream) else { return false };
        // The order of the others stays.
        self.unsent_len -= self.writing.remove(at).len();
        true
    }

    /// Returns whether a frame with an id waits, or is not acknowledged.
    pub(super) fn has(&mut self, id: &FrameId) -> bool {
        self.held_len > 0
            && (self.unacknowledged.values().any(|sent| sent.has_id(id))
                || self.requests.has(id)
                || self.responses.has(id))
    }

    /// Drops the frames with an id. Returns whether a part of one was not written.
    pub(super) fn cancel(&mut self, connection: &mut Connection, id: &FrameId) -> bool {
        let mut is_unsent = false;
        for waiting in [&mut self.requests, &mut self.responses] {
            let Dropped { count, len } = waiting.cancel(id);
            self.unsent_len -= count * HEADER_LEN + len;
            self.held_len -= count * Self::ENTRY_LEN + len;
            is_unsent |= count > 0;
        }
        let with_id = self.unacknowledged.iter().filter(|(_, sent)| sent.has_id(id));
        for stream in with_id.map(|(stream, _)| *stream).collect::<Vec<_>>() {
            is_unsent |= self.stop(connection, stream);
        }
        if is_unsent {
            // The others have its credit and its stream.
            self.write(connection);
        }
        is_unsent
    }
}
