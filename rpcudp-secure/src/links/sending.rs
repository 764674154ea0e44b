use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use quinn_proto::{Connection, Dir, StreamId, WriteError};

use super::frame_id::{FrameId, id_of};
use super::messages::{HEADER_LEN, STOPPED};

/// The large frames that a link sends.
#[derive(Debug, Default)]
pub(super) struct Sending {
    /// The frames that wait for a stream.
    waiting: VecDeque<Bytes>,
    /// The frames that are being written, the oldest first. It takes the peer's credit before the
    /// others do, so that the peer has memory for the frames that it reads.
    writing: Vec<Writing>,
    /// The frames that have a stream and that the peer has not acknowledged.
    unacknowledged: BTreeMap<StreamId, Sent>,
    /// The bytes that are not written.
    unsent_len: usize,
    /// The bytes of all frames.
    held_len: usize,
}

#[derive(Debug)]
struct Writing {
    stream: StreamId,
    /// The rest of the header, and the rest of the frame.
    rest: [Bytes; 2],
}

#[derive(Debug)]
struct Sent {
    id: Option<FrameId>,
    len: usize,
}

impl Writing {
    fn len(&self) -> usize {
        self.rest.iter().map(Bytes::len).sum()
    }
}

impl Sending {
    /// Queues a frame. Returns `false` if more than `limit` bytes would be unsent. One frame of any
    /// length may be.
    pub(super) fn queue(&mut self, frame: Bytes, limit: usize) -> bool {
        if self.unsent_len > 0 && self.unsent_len + frame.len() > limit {
            return false;
        }
        self.unsent_len += HEADER_LEN + frame.len();
        self.held_len += HEADER_LEN + frame.len();
        self.waiting.push_back(frame);
        true
    }

    /// Writes as much as the peer's windows allow.
    pub(super) fn write(&mut self, connection: &mut Connection) {
        while !self.waiting.is_empty()
            && let Some(stream) = connection.streams().open(Dir::Uni)
        {
            let Some(frame) = self.waiting.pop_front() else { break };
            let len = HEADER_LEN + frame.len();
            self.unacknowledged.insert(stream, Sent { id: id_of(&frame), len });
            let header = Bytes::copy_from_slice(&(frame.len() as u32).to_be_bytes());
            self.writing.push(Writing { stream, rest: [header, frame] });
        }
        let Self { writing, unsent_len, .. } = self;
        writing.retain_mut(|writing| {
            let mut stream = connection.send_stream(writing.stream);
            while writing.len() > 0 {
                match stream.write_chunks(&mut writing.rest) {
                    Ok(written) => *unsent_len -= written.bytes,
                    Err(WriteError::Blocked) => return true,
                    Err(WriteError::Stopped(_) | WriteError::ClosedStream) => {
                        *unsent_len -= writing.len();
                        let _ = stream.reset(STOPPED);
                        return false;
                    }
                }
            }
            let _ = stream.finish();
            false
        });
    }

    /// Returns the memory of the frames that the peer has not acknowledged, in bytes.
    pub(super) fn held_len(&self) -> usize {
        self.held_len
    }

    /// Forgets a frame that the peer has acknowledged.
    pub(super) fn acknowledge(&mut self, stream: StreamId) {
        self.held_len -= self.unacknowledged.remove(&stream).map_or(0, |sent| sent.len);
    }

    /// Forgets a frame that the peer or the owner does not want. Returns whether a part of it was
    /// not written.
    pub(super) fn stop(&mut self, connection: &mut Connection, stream: StreamId) -> bool {
        // Fails if `write` has done so.
        let _ = connection.send_stream(stream).reset(STOPPED);
        self.acknowledge(stream);
        let Some(at) = self.writing.iter().position(|writing| writing.stream == stream) else { return false };
        // The order of the others stays.
        self.unsent_len -= self.writing.remove(at).len();
        true
    }

    /// Drops the frames with an id. Returns whether a part of one was not written.
    pub(super) fn cancel(&mut self, connection: &mut Connection, id: &FrameId) -> bool {
        let waiting_count = self.waiting.len();
        let (mut unsent_len, has_id) = (0, |frame: &Bytes| id_of(frame).as_ref() == Some(id));
        self.waiting.retain(|frame| {
            let is_cancelled = has_id(frame);
            unsent_len += if is_cancelled { HEADER_LEN + frame.len() } else { 0 };
            !is_cancelled
        });
        self.unsent_len -= unsent_len;
        self.held_len -= unsent_len;
        let mut is_unsent = self.waiting.len() < waiting_count;
        let with_id = self.unacknowledged.iter().filter(|(_, sent)| sent.id.as_ref() == Some(id));
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
