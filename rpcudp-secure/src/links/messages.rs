//! Frames that do not fit into a datagram. Each travels on a stream of its own: its length in four
//! bytes, big-endian, and the frame.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use quinn_proto::{Connection, Dir, ReadError, ReadableError, StreamId, VarInt, WriteError};

/// The large frames of one link, in both directions.
#[derive(Debug)]
pub(super) struct Messages {
    /// The frames that wait for a stream.
    waiting: VecDeque<Bytes>,
    /// The frames that are being written, with the rest of each.
    sending: Vec<(StreamId, Bytes)>,
    /// The bytes of both that are not written.
    unsent_len: usize,
    /// The lengths of the frames that the peer has not acknowledged, by their streams.
    unacknowledged: BTreeMap<StreamId, usize>,
    /// The bytes of these and of the frames that wait.
    held_len: usize,
    arriving: BTreeMap<StreamId, Arriving>,
    /// The memory reserved for the frames that arrive.
    reserved_len: usize,
}

/// A frame that arrives.
#[derive(Debug)]
struct Arriving {
    header: Vec<u8>,
    /// The length of the frame, after its memory has been reserved.
    len: Option<usize>,
    body: BytesMut,
    /// The time of the last piece.
    last_piece: Instant,
}

/// The memory for the large frames that arrive on all links.
#[derive(Debug)]
pub(super) struct MessageMemory {
    max_message_len: usize,
    limit: usize,
    used: usize,
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
    /// The frame is too long.
    TooLong,
}

impl MessageMemory {
    /// The part of the memory that one link may take.
    const LINK_SHARE: usize = 4;

    pub(super) fn new(max_message_len: usize, limit: usize) -> Self {
        Self { max_message_len, limit, used: 0 }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the bytes that one link may reserve, or have unsent. A frame of the largest length
    /// is possible with any limit.
    pub(super) fn link_limit(&self) -> usize {
        (self.limit / Self::LINK_SHARE).max(self.max_message_len)
    }

    fn try_reserve(&mut self, len: usize, reserved_len: &mut usize) -> bool {
        let has_room = *reserved_len + len <= self.link_limit() && (self.used + len <= self.limit || self.used == 0);
        if has_room {
            self.used += len;
            *reserved_len += len;
        }
        has_room
    }

    fn release(&mut self, len: usize, reserved_len: &mut usize) {
        self.used -= len;
        *reserved_len -= len;
    }
}

impl Messages {
    /// The code of a stream whose frame is not wanted.
    const STOPPED: VarInt = VarInt::from_u32(1);

    const HEADER_LEN: usize = 4;

    /// The time without a piece after which a frame that arrives is given up, because it keeps
    /// memory from others.
    const STALL_TIMEOUT: Duration = Duration::from_secs(30);

    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            sending: Vec::new(),
            unsent_len: 0,
            unacknowledged: BTreeMap::new(),
            held_len: 0,
            arriving: BTreeMap::new(),
            reserved_len: 0,
        }
    }

    /// Queues a frame. Returns `false` if too many bytes are unsent.
    pub(super) fn queue(&mut self, frame: Bytes, memory: &MessageMemory) -> bool {
        if self.unsent_len > 0 && self.unsent_len + frame.len() > memory.link_limit() {
            return false;
        }
        let mut message = BytesMut::with_capacity(Self::HEADER_LEN + frame.len());
        message.extend_from_slice(&(frame.len() as u32).to_be_bytes());
        message.extend_from_slice(&frame);
        self.unsent_len += message.len();
        self.held_len += message.len();
        self.waiting.push_back(message.freeze());
        true
    }

    /// Writes as much as the peer's windows allow.
    pub(super) fn write(&mut self, connection: &mut Connection) {
        while !self.waiting.is_empty()
            && let Some(stream) = connection.streams().open(Dir::Uni)
        {
            let Some(message) = self.waiting.pop_front() else { break };
            self.unacknowledged.insert(stream, message.len());
            self.sending.push((stream, message));
        }
        let Self { sending, unsent_len, .. } = self;
        sending.retain_mut(|(stream, rest)| {
            let mut stream = connection.send_stream(*stream);
            while !rest.is_empty() {
                match stream.write_chunks(std::slice::from_mut(rest)) {
                    Ok(written) => *unsent_len -= written.bytes,
                    Err(WriteError::Blocked) => return true,
                    Err(WriteError::Stopped(_) | WriteError::ClosedStream) => {
                        *unsent_len -= rest.len();
                        let _ = stream.reset(Self::STOPPED);
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
        self.held_len -= self.unacknowledged.remove(&stream).unwrap_or(0);
    }

    /// Forgets a frame that the peer does not want.
    pub(super) fn stop(&mut self, connection: &mut Connection, stream: StreamId) {
        // Fails if `write` has done so.
        let _ = connection.send_stream(stream).reset(Self::STOPPED);
        if let Some(at) = self.sending.iter().position(|(sending, _)| *sending == stream) {
            self.unsent_len -= self.sending.swap_remove(at).1.len();
        }
        self.acknowledge(stream);
    }

    /// Accepts the streams that the peer has opened. Returns them.
    pub(super) fn accept(&mut self, connection: &mut Connection, now: Instant) -> Vec<StreamId> {
        let mut accepted = Vec::new();
        while let Some(stream) = connection.streams().accept(Dir::Uni) {
            let arriving = Arriving { header: Vec::new(), len: None, body: BytesMut::new(), last_piece: now };
            self.arriving.insert(stream, arriving);
            accepted.push(stream);
        }
        accepted
    }

    /// Returns the streams that wait for memory.
    pub(super) fn starved(&self) -> Vec<StreamId> {
        let starved = |arriving: &Arriving| arriving.header.len() == Self::HEADER_LEN && arriving.len.is_none();
        self.arriving.iter().filter(|(_, arriving)| starved(arriving)).map(|(stream, _)| *stream).collect()
    }

    /// Reads a stream. Returns the frame if it is complete.
    pub(super) fn read(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        memory: &mut MessageMemory,
        now: Instant,
    ) -> Option<Bytes> {
        let Self { arriving, reserved_len, .. } = self;
        let message = arriving.get_mut(&stream)?;
        let progress = message.read(connection, stream, (memory, reserved_len), now);
        let stops = match progress {
            Progress::Pending | Progress::Starved => return None,
            Progress::Complete(stops) => stops,
            Progress::Ended => false,
            Progress::TooLong => true,
        };
        if stops {
            let _ = connection.recv_stream(stream).stop(Self::STOPPED);
        }
        let message = arriving.remove(&stream)?;
        memory.release(message.len.unwrap_or(0), reserved_len);
        matches!(progress, Progress::Complete(_)).then(|| message.body.freeze())
    }

    /// Returns the time at which a frame that arrives is given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let reserved = self.arriving.values().filter(|arriving| arriving.len.is_some());
        reserved.map(|arriving| arriving.last_piece + Self::STALL_TIMEOUT).min()
    }

    /// Gives up the frames of which no piece has arrived for long.
    pub(super) fn expire(&mut self, connection: &mut Connection, memory: &mut MessageMemory, now: Instant) {
        let Self { arriving, reserved_len, .. } = self;
        arriving.retain(|stream, message| {
            let Some(len) = message.len.filter(|_| message.last_piece + Self::STALL_TIMEOUT <= now) else {
                return true;
            };
            memory.release(len, reserved_len);
            let _ = connection.recv_stream(*stream).stop(Self::STOPPED);
            false
        });
    }

    /// Drops all frames, because the link has ended.
    pub(super) fn clear(&mut self, memory: &mut MessageMemory) {
        memory.release(self.reserved_len, &mut { self.reserved_len });
        *self = Self::new();
    }
}

impl Arriving {
    fn read(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        (memory, reserved_len): (&mut MessageMemory, &mut usize),
        now: Instant,
    ) -> Progress {
        let mut stream = connection.recv_stream(stream);
        let mut chunks = match stream.read(true) {
            Ok(chunks) => chunks,
            Err(ReadableError::ClosedStream | ReadableError::IllegalOrderedRead) => return Progress::Ended,
        };
        let progress = loop {
            if self.header.len() == Messages::HEADER_LEN && self.len.is_none() {
                let header = self.header[..].try_into().expect("the header has four bytes");
                let len = u32::from_be_bytes(header) as usize;
                if len > memory.max_message_len {
                    break Progress::TooLong;
                }
                if !memory.try_reserve(len, reserved_len) {
                    break Progress::Starved;
                }
                self.len = Some(len);
            }
            let missing = self.len.map_or(Messages::HEADER_LEN - self.header.len(), |len| len - self.body.len());
            match chunks.next(missing.max(1)) {
                Ok(Some(_)) if missing == 0 => break Progress::TooLong,
                Ok(Some(chunk)) => {
                    self.last_piece = now;
                    match self.len {
                        None => self.header.extend_from_slice(&chunk.bytes),
                        Some(_) => self.body.extend_from_slice(&chunk.bytes),
                    }
                }
                Ok(None) if missing == 0 && self.len.is_some() => break Progress::Complete(false),
                Err(ReadError::Blocked) if missing == 0 && self.len.is_some() => break Progress::Complete(true),
                Ok(None) | Err(ReadError::Reset(_)) => break Progress::Ended,
                Err(ReadError::Blocked) => break Progress::Pending,
            }
        };
        // Credit for what was read is part of the next packet.
        let _ = chunks.finalize();
        progress
    }
}
