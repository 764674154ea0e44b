//! Frames that do not fit into a datagram. Each travels on a stream of its own: its length in four
//! bytes, big-endian, and the frame.

use quinn_proto::VarInt;

use super::arrivals::Arrivals;
use super::sending::Sending;

/// The bytes before a frame.
pub(super) const HEADER_LEN: usize = 4;

/// The code of a stream whose frame is not wanted.
pub(super) const STOPPED: VarInt = VarInt::from_u32(1);

/// The large frames of one link, in both directions.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) sending: Sending,
    pub(super) arrivals: Arrivals,
}

/// The memory for the large frames that arrive on all links.
#[derive(Debug)]
pub(super) struct MessageMemory {
    max_message_len: usize,
    limit: usize,
    used: usize,
    /// Whether memory was released, so that frames that wait for it can be read.
    has_freed: bool,
}

impl MessageMemory {
    /// The part of the memory that one link may take.
    const LINK_SHARE: usize = 4;

    pub(super) fn new(max_message_len: usize, limit: usize) -> Self {
        Self { max_message_len, limit, used: 0, has_freed: false }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn max_message_len(&self) -> usize {
        self.max_message_len
    }

    /// Returns the bytes that are reserved.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// Returns the bytes that one link may reserve, or have unsent. A frame of the largest length
    /// is possible with any limit.
    pub(super) fn link_limit(&self) -> usize {
        (self.limit / Self::LINK_SHARE).max(self.max_message_len)
    }

    pub(super) fn try_reserve(&mut self, len: usize, reserved_len: &mut usize) -> bool {
        let has_room = *reserved_len + len <= self.link_limit() && (self.used + len <= self.limit || self.used == 0);
        if has_room {
            self.used += len;
            *reserved_len += len;
        }
        has_room
    }

    pub(super) fn release(&mut self, len: usize, reserved_len: &mut usize) {
        self.used -= len;
        *reserved_len -= len;
        self.has_freed |= len > 0;
    }

    /// Returns whether memory was released since the last call.
    pub(super) fn take_freed(&mut self) -> bool {
        std::mem::take(&mut self.has_freed)
    }
}
