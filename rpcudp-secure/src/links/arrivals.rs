use std::collections::BTreeMap;
use std::mem;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use quinn_proto::{Connection, Dir, ReadError, ReadableError, StreamId};

use super::frame_id::{FrameId, REQUEST_KINDS, id_of};
use super::message_memory::MessageMemory;
use super::messages::{HEADER_LEN, MALFORMED, STOPPED, TAKEN, too_large};
use crate::peer_id::PeerId;

/// The large frames that arrive over a link.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    frames: BTreeMap<StreamId, Arriving>,
}

/// A frame that arrives.
#[derive(Debug)]
struct Arriving {
    header: Vec<u8>,
    /// The length of the frame, once its header has arrived.
    len: Option<usize>,
    /// Whether its memory is reserved.
    is_reserved: bool,
    body: BytesMut,
    /// The time of the last piece.
    last_piece: Instant,
    /// Whether the owner knows that it arrives.
    is_announced: bool,
}

/// A frame of which more has arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub(super) kind: u8,
    pub(super) id: FrameId,
    pub(super) received: usize,
    pub(super) len: usize,
    /// Whether the owner does not know the frame yet.
    pub(super) is_first: bool,
}

/// The result of reading a stream.
#[derive(Debug)]
pub(super) enum Read {
    /// More has to arrive. With the frame, if it is known and more of it has arrived.
    Pending(Option<Received>),
    /// There is no memory for the frame yet.
    Starved,
    /// The frame has arrived. Its memory stays reserved.
    Complete(Bytes),
    /// The frame is given up. With its beginning, if that has arrived.
    Ended(Option<GivenUp>),
}

/// A frame that does not arrive.
#[derive(Clone, Copy, Debug)]
pub(super) struct GivenUp {
    pub(super) kind: u8,
    pub(super) id: FrameId,
    /// The length of the frame, if it is longer than this end takes.
    pub(super) too_large: Option<usize>,
}

/// The state of a stream after reading.
enum Progress {
    /// More has to arrive.
    Pending,
    /// There is no memory for the frame yet. The rest stays unread, so that the sender waits.
    Starved,
    /// The frame is complete. `true` if the stream has not been read to its end.
    Complete(bool),
    /// The stream was reset, or ended early.
    Ended,
    /// The stream has more bytes than its frame.
    Malformed,
    /// The frame is longer than this end takes.
    TooLarge,
}

impl Arrivals {
    /// The time without a piece after which a frame that arrives is given up, because it keeps
    /// memory from others.
    const STALL_TIMEOUT: Duration = Duration::from_secs(30);

    /// Accepts the streams that the peer has opened. Returns them.
    pub(super) fn accept(&mut self, connection: &mut Connection, now: Instant) -> Vec<StreamId> {
        let mut accepted = Vec::new();
        while let Some(stream) = connection.streams().accept(Dir::Uni) {
            self.frames.insert(stream, Arriving::new(now));
            accepted.push(stream);
        }
        accepted
    }

    /// Returns the streams that wait for memory.
    pub(super) fn starved(&self) -> Vec<StreamId> {
        let starved = self.frames.iter().filter(|(_, frame)| frame.has_beginning() && !frame.is_reserved);
        starved.map(|(stream, _)| *stream).collect()
    }

    /// Reads a stream.
    pub(super) fn read(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        (memory, peer): (&mut MessageMemory, PeerId),
        now: Instant,
    ) -> Read {
        let Some(frame) = self.frames.get_mut(&stream) else { return Read::Ended(None) };
        let before = frame.body.len();
        let progress = frame.read(connection, stream, (memory, peer), now);
        let stop_code = match progress {
            Progress::Pending => return Read::Pending(frame.received_since(before)),
            Progress::Starved => return Read::Starved,
            Progress::Complete(stops) => stops.then_some(TAKEN),
            Progress::Ended => None,
            Progress::Malformed => Some(MALFORMED),
            Progress::TooLarge => Some(too_large(memory.max_message_len())),
        };
        if let Some(code) = stop_code {
            let _ = connection.recv_stream(stream).stop(code);
        }
        let Some(frame) = self.frames.remove(&stream) else { return Read::Ended(None) };
        if let Progress::Complete(_) = progress {
            return Read::Complete(frame.body.freeze());
        }
        memory.release(peer, frame.reserved_len());
        let too_large = frame.len.filter(|_| matches!(progress, Progress::TooLarge));
        Read::Ended(frame.given_up(too_large))
    }

    /// Returns whether a frame with an id has arrived in part.
    pub(super) fn has(&self, id: &FrameId) -> bool {
        self.frames.values().any(|frame| id_of(&frame.body).as_ref() == Some(id))
    }

    /// Stops the frames with an id.
    pub(super) fn cancel(&mut self, connection: &mut Connection, id: &FrameId, memory: (&mut MessageMemory, PeerId)) {
        let _ = self.stop_if(connection, memory, |frame| id_of(&frame.body).as_ref() == Some(id));
    }

    /// Returns the time at which a frame that arrives is given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.frames.is_empty() {
            // The usual case, after each packet.
            return None;
        }
        let reserved = self.frames.values().filter(|frame| frame.is_reserved);
        reserved.map(|frame| frame.last_piece + Self::STALL_TIMEOUT).min()
    }

    /// Gives up the frames of which no piece has arrived for long. Returns them.
    pub(super) fn expire(
        &mut self,
        connection: &mut Connection,
        memory: (&mut MessageMemory, PeerId),
        now: Instant,
    ) -> Vec<GivenUp> {
        let is_stalled = |frame: &Arriving| frame.is_reserved && frame.last_piece + Self::STALL_TIMEOUT <= now;
        self.stop_if(connection, memory, is_stalled)
    }

    fn stop_if(
        &mut self,
        connection: &mut Connection,
        (memory, peer): (&mut MessageMemory, PeerId),
        condition: impl Fn(&Arriving) -> bool,
    ) -> Vec<GivenUp> {
        let mut given_up = Vec::new();
        self.frames.retain(|stream, frame| {
            if !condition(frame) {
                return true;
            }
            memory.release(peer, frame.reserved_len());
            let _ = connection.recv_stream(*stream).stop(STOPPED);
            given_up.extend(frame.given_up(None));
            false
        });
        given_up
    }

    /// Drops all frames, because the link has ended.
    pub(super) fn clear(&mut self, memory: &mut MessageMemory, peer: PeerId) {
        self.frames.values().for_each(|frame| memory.release(peer, frame.reserved_len()));
        self.frames.clear();
    }
}

impl Arriving {
    /// The bytes of a frame before its memory is reserved: the kind and the id.
    const BEGINNING_LEN: usize = 1 + size_of::<FrameId>();

    fn new(now: Instant) -> Self {
        let body = BytesMut::new();
        Self { header: Vec::new(), len: None, is_reserved: false, body, last_piece: now, is_announced: false }
    }

    /// Returns whether enough has arrived to reserve memory.
    fn has_beginning(&self) -> bool {
        self.len.is_some_and(|len| self.body.len() >= len.min(Self::BEGINNING_LEN))
    }

    fn reserved_len(&self) -> usize {
        self.len.filter(|_| self.is_reserved).unwrap_or(0)
    }

    fn is_request(&self) -> bool {
        self.body.first().is_some_and(|kind| REQUEST_KINDS.contains(kind))
    }

    fn given_up(&self, too_large: Option<usize>) -> Option<GivenUp> {
        Some(GivenUp { kind: *self.body.first()?, id: id_of(&self.body)?, too_large })
    }

    /// Returns the frame if it is known and more of it than this has arrived.
    fn received_since(&mut self, before: usize) -> Option<Received> {
        let len = self.len.filter(|_| self.is_reserved && self.body.len() > before)?;
        let id = id_of(&self.body)?;
        let is_first = !mem::replace(&mut self.is_announced, true);
        Some(Received { kind: self.body[0], id, received: self.body.len(), len, is_first })
    }

    fn read(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        (memory, peer): (&mut MessageMemory, PeerId),
        now: Instant,
    ) -> Progress {
        let mut stream = connection.recv_stream(stream);
        // Also that of a frame that is not read now.
        if let Ok(Some(_)) = stream.received_reset() {
            return Progress::Ended;
        }
        let mut chunks = match stream.read(true) {
            Ok(chunks) => chunks,
            Err(ReadableError::ClosedStream | ReadableError::IllegalOrderedRead) => return Progress::Ended,
        };
        let progress = loop {
            if self.header.len() == HEADER_LEN && self.len.is_none() {
                let header = self.header[..].try_into().expect("the header has four bytes");
                self.len = Some(u32::from_be_bytes(header) as usize);
            }
            if self.has_beginning() && !self.is_reserved {
                let len = self.len.unwrap_or(0);
                // Its beginning tells the call that it belongs to.
                if len > memory.max_message_len() {
                    break Progress::TooLarge;
                }
                if !memory.try_reserve(peer, self.is_request(), len) {
                    break Progress::Starved;
                }
                self.is_reserved = true;
            }
            let missing = match self.len {
                None => HEADER_LEN - self.header.len(),
                Some(len) if !self.is_reserved => len.min(Self::BEGINNING_LEN) - self.body.len(),
                Some(len) => len - self.body.len(),
            };
            match chunks.next(missing.max(1)) {
                Ok(Some(_)) if missing == 0 => break Progress::Malformed,
                Ok(Some(chunk)) => {
                    self.last_piece = now;
                    match self.len {
                        None => self.header.extend_from_slice(&chunk.bytes),
                        Some(_) => self.body.extend_from_slice(&chunk.bytes),
                    }
                }
                Ok(None) if missing == 0 && self.is_reserved => break Progress::Complete(false),
                Err(ReadError::Blocked) if missing == 0 && self.is_reserved => break Progress::Complete(true),
                Ok(None) | Err(ReadError::Reset(_)) => break Progress::Ended,
                Err(ReadError::Blocked) => break Progress::Pending,
            }
        };
        // Credit for what was read is part of the next packet.
        let _ = chunks.finalize();
        progress
    }
}
