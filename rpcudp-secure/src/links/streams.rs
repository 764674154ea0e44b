//! Bidirectional streams: each carries one request, its response, and the items of both.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::slice;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn_proto::{Connection, Dir, ReadError, StreamEvent, StreamId, VarInt, WriteError};

use super::config::Config;
use super::event::{LinkStream, StreamRead, StreamStopped};

/// The bidirectional streams of one link.
#[derive(Debug, Default)]
pub(super) struct Streams {
    next_number: u64,
    /// The streams that wait for the end of the handshake, or for the end of other streams.
    waiting: BTreeSet<u64>,
    by_number: BTreeMap<u64, Open>,
    numbers: BTreeMap<StreamId, u64>,
    /// Whether the peer may open as many streams as a peer that uses them.
    may_open_many: bool,
    /// The streams of the peer whose sending half is finished, and not acknowledged.
    finishing: BTreeSet<StreamId>,
    /// The bytes of responses that wait for the owner to write them.
    responses_len: usize,
    /// The streams that are read slowly.
    held_count: u32,
    /// The most streams that were read slowly at once. The link's receive window has as many
    /// windows more.
    window_count: u32,
    /// The time to show that the link is alive, although no stream has anything to send.
    keep_alive: Option<Instant>,
}

/// A stream of which at least one half is open.
#[derive(Debug)]
struct Open {
    /// `None` while the stream waits.
    id: Option<StreamId>,
    is_sending: bool,
    is_receiving: bool,
    /// Whether the owner reads the stream slowly.
    is_held: bool,
    /// The bytes of the response that are not written.
    response_len: usize,
}

impl Open {
    fn new(id: Option<StreamId>) -> Self {
        Self { id, is_sending: true, is_receiving: true, is_held: false, response_len: 0 }
    }
}

impl Streams {
    /// The shares of an idle timeout after which a link with streams shows that it is alive.
    const KEEP_ALIVES: u32 = 3;

    /// Opens a stream, as soon as the peer allows one more.
    pub(super) fn open(&mut self, connection: &mut Connection, is_up: bool) -> u64 {
        let number = self.add(None);
        self.waiting.insert(number);
        if is_up {
            self.start(connection);
        }
        number
    }

    fn add(&mut self, id: Option<StreamId>) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.by_number.insert(number, Open::new(id));
        if let Some(id) = id {
            self.numbers.insert(id, number);
        }
        number
    }

    /// Opens the streams that wait, as far as the peer allows. Returns them.
    pub(super) fn start(&mut self, connection: &mut Connection) -> Vec<u64> {
        let mut started = Vec::new();
        while !self.waiting.is_empty()
            && let Some(id) = connection.streams().open(Dir::Bi)
            && let Some(number) = self.waiting.pop_first()
            && let Some(open) = self.by_number.get_mut(&number)
        {
            open.id = Some(id);
            // A half that was given up meanwhile, or the peer would wait for its end.
            if !open.is_sending {
                let _ = connection.send_stream(id).reset(VarInt::from_u32(LinkStream::DROPPED));
            }
            if !open.is_receiving {
                let _ = connection.recv_stream(id).stop(VarInt::from_u32(LinkStream::DROPPED));
            }
            self.numbers.insert(id, number);
            started.push(number);
        }
        started
    }

    /// Handles an event. Returns the streams that have work now, or the event if it concerns no
    /// bidirectional stream.
    pub(super) fn handle(&mut self, connection: &mut Connection, event: StreamEvent) -> Result<Vec<u64>, StreamEvent> {
        match event {
            StreamEvent::Opened { dir: Dir::Bi } => {
                if !self.may_open_many {
                    connection.set_max_concurrent_streams(Dir::Bi, Config::MAX_BIDI_STREAMS.into());
                    self.may_open_many = true;
                }
                let mut accepted = Vec::new();
                while let Some(id) = connection.streams().accept(Dir::Bi) {
                    accepted.push(self.add(Some(id)));
                }
                Ok(accepted)
            }
            StreamEvent::Available { dir: Dir::Bi } => Ok(self.start(connection)),
            StreamEvent::Finished { id } if id.dir() == Dir::Bi => {
                self.finishing.remove(&id);
                Ok(Vec::new())
            }
            StreamEvent::Stopped { id, error_code } if id.dir() == Dir::Bi => {
                self.finishing.remove(&id);
                let number = self.numbers.get(&id).copied();
                if number.is_none() {
                    // Finished, and not acknowledged.
                    let _ = connection.send_stream(id).reset(error_code);
                }
                Ok(number.into_iter().collect())
            }
            StreamEvent::Readable { id } | StreamEvent::Writable { id } if id.dir() == Dir::Bi => {
                Ok(self.numbers.get(&id).copied().into_iter().collect())
            }
            event => Err(event),
        }
    }

    /// Writes as much as the peer's windows allow, and takes it from `data`.
    pub(super) fn write(
        &mut self,
        connection: &mut Connection,
        number: u64,
        data: &mut Bytes,
    ) -> Result<(), StreamStopped> {
        let Some(open) = self.by_number.get(&number).filter(|open| open.is_sending) else { return Err(StreamStopped) };
        let Some(id) = open.id else { return Ok(()) };
        let (mut stream, len) = (connection.send_stream(id), data.len());
        let mut result = match stream.stopped() {
            Ok(None) => Ok(()),
            _ => Err(StreamStopped),
        };
        while result.is_ok() && !data.is_empty() {
            match stream.write_chunks(slice::from_mut(data)) {
                Ok(_) => {}
                Err(WriteError::Blocked) => break,
                Err(WriteError::Stopped(_) | WriteError::ClosedStream) => result = Err(StreamStopped),
            }
        }
        self.release_response(number, len - data.len());
        if result.is_err() {
            self.reset(connection, number, LinkStream::DROPPED);
        }
        result
    }

    /// Counts a response whose bytes are written next. Returns `false` if the sending half has
    /// ended.
    pub(super) fn hold_response(&mut self, number: u64, len: usize) -> bool {
        let Some(open) = self.by_number.get_mut(&number).filter(|open| open.is_sending) else { return false };
        open.response_len += len;
        self.responses_len += len;
        true
    }

    /// Counts bytes as written. The response goes first.
    fn release_response(&mut self, number: u64, len: usize) {
        if let Some(open) = self.by_number.get_mut(&number) {
            let len = len.min(open.response_len);
            open.response_len -= len;
            self.responses_len -= len;
        }
    }

    /// Returns the bytes of responses that are not written.
    pub(super) fn responses_len(&self) -> usize {
        self.responses_len
    }

    /// Ends the sending half after its last byte.
    pub(super) fn finish(&mut self, connection: &mut Connection, number: u64) {
        if let Some(id) = self.end_sending(number) {
            let mut stream = connection.send_stream(id);
            if stream.finish().is_err() {
                // The peer has stopped it, and waits for its end.
                let _ = stream.reset(VarInt::from_u32(LinkStream::DROPPED));
            } else if id.initiator() != connection.side() {
                self.finishing.insert(id);
            }
        }
    }

    /// Returns whether the last bytes of streams of the peer are not acknowledged.
    pub(super) fn is_finishing(&self) -> bool {
        !self.finishing.is_empty()
    }

    /// Gives up the sending half: bytes that the peer has not received are not sent any more.
    pub(super) fn reset(&mut self, connection: &mut Connection, number: u64, code: u32) {
        if let Some(id) = self.end_sending(number) {
            let _ = connection.send_stream(id).reset(VarInt::from_u32(code));
        }
    }

    /// Gives up the receiving half: the peer is asked to send no more.
    pub(super) fn stop(&mut self, connection: &mut Connection, number: u64, code: u32) {
        if let Some(id) = self.end_receiving(number) {
            let _ = connection.recv_stream(id).stop(VarInt::from_u32(code));
        }
    }

    fn end_sending(&mut self, number: u64) -> Option<StreamId> {
        self.release_response(number, usize::MAX);
        let open = self.by_number.get_mut(&number)?;
        let id = open.id.filter(|_| open.is_sending);
        open.is_sending = false;
        self.remove_if_over(number);
        id
    }

    fn end_receiving(&mut self, number: u64) -> Option<StreamId> {
        let open = self.by_number.get_mut(&number)?;
        let id = open.id.filter(|_| open.is_receiving);
        self.held_count -= u32::from(open.is_held);
        (open.is_receiving, open.is_held) = (false, false);
        self.remove_if_over(number);
        id
    }

    fn remove_if_over(&mut self, number: u64) {
        let Some(open) = self.by_number.get(&number).filter(|open| !open.is_sending && !open.is_receiving) else {
            return;
        };
        match open.id {
            Some(id) => _ = self.numbers.remove(&id),
            None => _ = self.waiting.remove(&number),
        }
        self.by_number.remove(&number);
    }

    /// Reads at most `max_len` bytes.
    pub(super) fn read(&mut self, connection: &mut Connection, number: u64, max_len: usize) -> StreamRead {
        let Some(open) = self.by_number.get_mut(&number).filter(|open| open.is_receiving) else {
            return StreamRead::Finished;
        };
        let Some(id) = open.id else { return StreamRead::Blocked };
        let mut stream = connection.recv_stream(id);
        let read = match stream.read(true) {
            Ok(mut chunks) => {
                let read = match chunks.next(max_len) {
                    Ok(Some(chunk)) => StreamRead::Chunk(chunk.bytes),
                    Ok(None) => StreamRead::Finished,
                    Err(ReadError::Blocked) => {
                        self.held_count -= u32::from(mem::take(&mut open.is_held));
                        StreamRead::Blocked
                    }
                    Err(ReadError::Reset(code)) => {
                        StreamRead::Reset(u32::try_from(code.into_inner()).unwrap_or(u32::MAX))
                    }
                };
                // Credit for what was read is part of the next packet.
                let _ = chunks.finalize();
                read
            }
            Err(_) => StreamRead::Finished,
        };
        if matches!(read, StreamRead::Finished | StreamRead::Reset(_)) {
            self.end_receiving(number);
        }
        read
    }

    /// Notes that the owner leaves bytes of a stream unread.
    pub(super) fn hold(&mut self, number: u64) {
        if let Some(open) = self.by_number.get_mut(&number).filter(|open| open.is_receiving) {
            self.held_count += u32::from(!mem::replace(&mut open.is_held, true));
        }
    }

    /// Returns the number of windows by which the link's window is too small, because streams keep
    /// theirs full.
    pub(super) fn missing_windows(&self) -> u32 {
        debug_assert_eq!(self.held_count as usize, self.by_number.values().filter(|open| open.is_held).count());
        self.held_count.saturating_sub(self.window_count)
    }

    /// Adds windows for streams. The link keeps them until it ends: a window that widens gives the
    /// peer credit at once, and one that shrinks takes none back.
    pub(super) fn add_windows(&mut self, connection: &mut Connection, added: u32, window: u32) {
        self.window_count += added;
        let count = self.window_count;
        connection.set_receive_window((u64::from(window) * (u64::from(count) + 1)).try_into().unwrap_or(VarInt::MAX));
    }

    pub(super) fn window_count(&self) -> u32 {
        self.window_count
    }

    /// Sets the time to show that the link is alive: a quiet stream must not end with its link.
    pub(super) fn arm(&mut self, now: Instant, idle_timeout: Duration) {
        self.keep_alive = match self.keep_alive {
            _ if self.by_number.is_empty() => None,
            None => Some(now + idle_timeout / Self::KEEP_ALIVES),
            armed => armed,
        };
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.keep_alive
    }

    /// Shows that the link is alive, if it is time.
    pub(super) fn keep_alive(&mut self, connection: &mut Connection, now: Instant) {
        if self.keep_alive.is_some_and(|at| at <= now) {
            connection.ping();
            self.keep_alive = None;
        }
    }
}
