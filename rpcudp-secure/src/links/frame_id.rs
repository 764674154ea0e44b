/// The id of a frame: the 20 bytes after the first, which is its kind. A response has the id of its
/// request.
pub type FrameId = [u8; 20];

/// Returns the id of a frame, or of its beginning. `None` if it is too short.
pub(super) fn id_of(frame: &[u8]) -> Option<FrameId> {
    frame.get(1..)?.first_chunk().copied()
}

/// The kinds of requests, in both dialects. Other frames end calls of the receiver, or have little
/// length.
pub(super) const REQUEST_KINDS: [u8; 2] = [0, 2];
