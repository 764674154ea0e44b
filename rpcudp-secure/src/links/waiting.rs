use bytes::Bytes;

use super::frame_buffer::FrameBuffer;
use super::frame_id::FrameId;
use super::frame_queue::{Dropped, FrameQueue};

/// The frames of a link that wait for the end of its handshake, or for the network.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    frames: FrameQueue,
    /// The memory that they take, in bytes.
    len: usize,
}

impl Waiting {
    /// The memory beyond which no more frames are taken that fit into a packet.
    const MAX_LEN: usize = 16 << 20;

    /// The length of a frame that does not fit into a packet.
    const MIN_LARGE_LEN: usize = 1_200;

    /// The frames among which a retransmission is looked for.
    const MAX_SEARCHED: usize = 64;

    /// Adds a frame. Returns `false` if there is no room. One frame of any length may wait, and
    /// `max_unsent_len` bytes of those that do not fit into a packet.
    pub(super) fn push(&mut self, frame: Bytes, max_unsent_len: usize) -> bool {
        let len = Self::len_of(&frame);
        let limit = if frame.len() < Self::MIN_LARGE_LEN { Self::MAX_LEN } else { max_unsent_len };
        if self.len > 0 && self.len + len > limit {
            return false;
        }
        self.len += len;
        self.frames.push(FrameBuffer::apart(frame));
        true
    }

    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let frame = self.frames.pop()?;
        self.len -= Self::len_of(&frame);
        Some(frame)
    }

    /// Makes the last frame the first, because the network did not take it.
    pub(super) fn return_last(&mut self) {
        self.frames.return_last();
    }

    /// Returns whether an equal frame waits. A long queue is not searched.
    pub(super) fn has(&self, frame: &Bytes) -> bool {
        self.frames.count() <= Self::MAX_SEARCHED && self.frames.iter().any(|waiting| waiting == frame)
    }

    /// Drops the frames with an id. Returns whether there was one.
    pub(super) fn cancel(&mut self, id: &FrameId) -> bool {
        let Dropped { count, len } = self.frames.cancel(id);
        self.len -= count * size_of::<Bytes>() + len;
        count > 0
    }

    pub(super) fn count(&self) -> usize {
        self.frames.count()
    }

    /// Returns the memory that the frames take, in bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn len_of(frame: &Bytes) -> usize {
        frame.len() + size_of::<Bytes>()
    }
}
