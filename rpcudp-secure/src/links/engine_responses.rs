use std::borrow::Cow;
use std::time::Instant;

use super::engine::Engine;
use super::event::{LinkId, LinkStream, SendError};
use super::frame_id::id_of;
use super::link::{Link, Stage};

/// The responses, which count towards the memory of their peers' keys.
impl Engine {
    /// Sends a response, if the peer's share of the memory has room. `is_reliable` says whether it
    /// takes a stream although it may fit into a packet. Drops one to a request to which another is
    /// being sent on a stream.
    pub(super) fn respond(
        &mut self,
        now: Instant,
        id: LinkId,
        frame: Cow<'_, [u8]>,
        is_reliable: bool,
    ) -> Result<(), SendError> {
        let Some(Link { stage: Stage::Up(peer), .. }) = self.link(id) else { return Err(SendError::Ended) };
        let peer = *peer;
        if let Some(frame_id) = id_of(&frame)
            && self.link_mut(id).is_some_and(|link| link.messages.sending.has(&frame_id))
        {
            // A duplicate of a request gets no response again while the first is being sent.
            return Ok(());
        }
        let has_room = self.response_memory.has_room(frame.len());
        if !has_room || !self.response_memory.has_room_for(peer, frame.len()) {
            return Err(SendError::Full);
        }
        let len = self.send_as(now, id, frame, is_reliable)?;
        if len > 0
            && let Some(link) = self.link_mut(id)
        {
            link.responses_len += len;
            self.response_memory.take(peer, len);
        }
        Ok(())
    }

    /// Reserves memory for a response on a bidirectional stream. Returns `false` if the peer's
    /// share has no room.
    pub(super) fn hold_response(&mut self, LinkStream { link: id, number }: LinkStream, len: usize) -> bool {
        // The stream of a link that has ended takes no bytes.
        let Some(peer) = self.link(id).and_then(Link::peer) else { return true };
        let memory = &self.response_memory;
        // One response is possible with any limit.
        let has_room = memory.used() == 0 || memory.has_room(len);
        let has_room_for_peer = memory.used_by(peer) == 0 || memory.has_room_for(peer, len);
        if !has_room || !has_room_for_peer {
            return false;
        }
        if let Some(link) = self.link_mut(id)
            && link.streams.hold_response(number, len)
        {
            link.responses_len += len;
            self.response_memory.take(peer, len);
        }
        true
    }

    /// Returns whether responses wait, or are large and not acknowledged.
    pub(super) fn has_unsent_responses(&self) -> bool {
        self.response_memory.used() > 0
    }
}
