/// The id of a frame: the 20 bytes after the first, which is its kind. A response has the id of its
/// request.
pub type FrameId = [u8; 20];

/// Returns the id of a frame, or of its beginning. `None` if it is too short.
pub(super) fn id_of(frame: &[u8]) -> Option<FrameId> {
    frame.get(1..)?.first_chunk().copied()
}
