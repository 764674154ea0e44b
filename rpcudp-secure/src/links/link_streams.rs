//! The streams of links, as their owner uses them.

use std::time::Instant;

use bytes::Bytes;
use quinn_proto::Connection;

use super::Links;
use super::event::{LinkId, LinkStream, SendError, StreamRead, StreamStopped};
use super::streams::Streams;

impl Links {
    /// Opens a stream to the peer. While the link is in its handshake, or the peer allows no more
    /// streams, it waits, and takes no bytes. [`Stream`](super::LinkEvent::Stream) follows when it
    /// does.
    ///
    /// # Errors
    ///
    /// If the link has ended.
    pub fn open_stream(&mut self, now: Instant, link: LinkId) -> Result<LinkStream, SendError> {
        self.guard(now, |engine| engine.open_stream(now, link)).flatten().ok_or(SendError::Ended)
    }

    /// Writes as much to a stream as the peer's windows allow, and takes it from `data`. If a part
    /// is left, [`Stream`](super::LinkEvent::Stream) follows when there is room.
    ///
    /// # Errors
    ///
    /// If the peer receives no more, or if the half has ended. Also without data.
    pub fn write_stream(&mut self, now: Instant, stream: LinkStream, data: &mut Bytes) -> Result<(), StreamStopped> {
        let written =
            self.with_stream(now, stream, |streams, connection, number| streams.write(connection, number, &mut *data));
        written.unwrap_or(Err(StreamStopped))
    }

    /// Reserves memory for a response that is written to a stream next, as
    /// [`respond`](Self::respond) does for others. It is released as the bytes are written, or when
    /// the half ends. Returns `false` if there is none: do not send the response.
    #[must_use]
    pub fn hold_response(&mut self, now: Instant, stream: LinkStream, len: usize) -> bool {
        self.guard(now, |engine| engine.hold_response(stream, len)).unwrap_or(true)
    }

    /// Ends the sending half of a stream. The bytes that were written still arrive.
    pub fn finish_stream(&mut self, now: Instant, stream: LinkStream) {
        self.with_stream(now, stream, Streams::finish);
    }

    /// Gives up the sending half of a stream, without its end.
    pub fn reset_stream(&mut self, now: Instant, stream: LinkStream, code: u32) {
        self.with_stream(now, stream, |streams, connection, number| streams.reset(connection, number, code));
    }

    /// Gives up the receiving half of a stream: the peer sends no more.
    pub fn stop_stream(&mut self, now: Instant, stream: LinkStream, code: u32) {
        self.with_stream(now, stream, |streams, connection, number| streams.stop(connection, number, code));
    }

    /// Reads at most `max_len` bytes of a stream. After each
    /// [`Stream`](super::LinkEvent::Stream), the owner reads until no chunk is left, or calls
    /// [`hold_stream`](Self::hold_stream).
    pub fn read_stream(&mut self, now: Instant, stream: LinkStream, max_len: usize) -> StreamRead {
        let read =
            self.with_stream(now, stream, |streams, connection, number| streams.read(connection, number, max_len));
        read.unwrap_or(StreamRead::Reset(LinkStream::CLOSED))
    }

    /// Notes that bytes of a stream are left unread for now. Their sender waits once the window of
    /// the stream is full, and other streams of the link go on.
    pub fn hold_stream(&mut self, now: Instant, stream: LinkStream) {
        self.with_stream(now, stream, |streams, _, number| streams.hold(number));
    }

    fn with_stream<T>(
        &mut self,
        now: Instant,
        stream: LinkStream,
        code: impl FnOnce(&mut Streams, &mut Connection, u64) -> T,
    ) -> Option<T> {
        self.guard(now, |engine| engine.with_stream(now, stream, code)).flatten()
    }
}
