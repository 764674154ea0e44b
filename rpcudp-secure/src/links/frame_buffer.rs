use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

use super::event::LinkId;

/// The memory of short frames that are sent. QUIC wants each as a buffer of its own; frames that
/// follow each other on a link share an allocation.
///
/// QUIC sends the frames of a link in their order. So the frames of a link that takes none keep at
/// most four times their length, and an allocation that frames share with earlier ones.
#[derive(Debug, Default)]
pub(super) struct FrameBuffer {
    /// The link of the last frame.
    link: Option<LinkId>,
    /// The bytes of frames that have followed each other on the link.
    run_len: usize,
    buffer: BytesMut,
}

impl FrameBuffer {
    /// The length of the longest frame that shares an allocation.
    const MAX_FRAME_LEN: usize = 1_024;

    /// The length of the longest allocation. It grows with the frames that follow each other.
    const MAX_LEN: usize = 8 << 10;

    /// Returns a frame as a buffer of its own.
    pub(super) fn bytes_of(&mut self, link: LinkId, frame: Cow<'_, [u8]>) -> Bytes {
        let frame = match frame {
            Cow::Owned(frame) => return frame.into(),
            Cow::Borrowed(frame) => frame,
        };
        if self.link != Some(link) {
            *self = Self { link: Some(link), ..Self::default() };
        }
        let earlier_len = self.run_len;
        self.run_len = earlier_len.saturating_add(frame.len());
        if earlier_len == 0 || frame.len() > Self::MAX_FRAME_LEN {
            return Bytes::copy_from_slice(frame);
        }
        // The frames of a buffer have often been sent by the time it is full.
        if self.buffer.capacity() < frame.len() && !self.buffer.try_reclaim(frame.len()) {
            let len = earlier_len.saturating_mul(2).clamp(frame.len(), Self::MAX_LEN);
            self.buffer = BytesMut::with_capacity(len);
        }
        self.buffer.extend_from_slice(frame);
        self.buffer.split().freeze()
    }

    /// Returns a frame that shares no memory with others, to be kept for long.
    pub(super) fn apart(frame: Bytes) -> Bytes {
        if frame.len() > Self::MAX_FRAME_LEN { frame } else { Bytes::copy_from_slice(&frame) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: [LinkId; 2] = [LinkId { slot: 0, generation: 0 }, LinkId { slot: 1, generation: 1 }];

    fn is_adjacent(one: &Bytes, other: &Bytes) -> bool {
        one.as_ptr().wrapping_add(one.len()) == other.as_ptr()
    }

    #[test]
    fn frames_of_one_link_share_memory() {
        let mut buffer = FrameBuffer::default();
        let mut of = |link: usize, frame: &'static [u8]| buffer.bytes_of(LINKS[link], frame.into());
        let frames = [of(0, b"one"), of(0, b"two"), of(0, b"four"), of(0, b"five"), of(1, b"one"), of(0, b"six")];
        assert_eq!(frames.each_ref().map(|frame| &frame[..]), [&b"one"[..], b"two", b"four", b"five", b"one", b"six"]);
        assert!(is_adjacent(&frames[2], &frames[3]));
        assert!(!is_adjacent(&frames[0], &frames[1]), "a frame alone has an allocation of its own");
    }

    #[test]
    fn memory_of_frames_that_were_sent_is_used_again() {
        let mut buffer = FrameBuffer::default();
        let mut places = std::collections::HashSet::new();
        for _ in 0..10_000 {
            places.insert(buffer.bytes_of(LINKS[0], (&[7; 100][..]).into()).as_ptr());
        }
        assert!(places.len() < 200, "{} places", places.len());
    }

    #[test]
    fn long_frames_and_those_of_others_are_taken_as_they_are() {
        let mut buffer = FrameBuffer::default();
        let vec = vec![7; 100];
        let place = vec.as_ptr();
        assert_eq!(buffer.bytes_of(LINKS[0], vec.into()).as_ptr(), place);
        for len in [1_025, 1_024, 8_000, 1_000_000] {
            let frame = vec![7; len];
            assert_eq!(buffer.bytes_of(LINKS[0], (&frame[..]).into()), frame);
        }
    }
}
