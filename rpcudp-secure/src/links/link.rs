use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn_proto::{Connection, ConnectionError, ConnectionId, SendDatagramError, TransportErrorCode};

use super::admission::Admission;
use super::config::Config;
use super::event::{Expected, LinkEnd, LinkId, SendError};
use super::frame_id::FrameId;
use super::message_memory::MessageMemory;
use super::messages::Messages;
use super::status::LinkStatus;
use super::streams::Streams;
use super::waiting::Waiting;
use crate::peer_id::PeerId;
use crate::tls::ProvenKey;

/// A link in the table.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) connection: Connection,
    pub(super) stage: Stage,
    /// The id to which the peer addresses the packets of the handshake, until the link is up.
    pub(super) handshake_id: Option<ConnectionId>,
    /// The bytes from and to a caller that has not shown that it receives at its address.
    pub(super) unvalidated: Option<Unvalidated>,
    /// The target of a link that this endpoint has opened.
    pub(super) target: Option<Target>,
    /// Whether the peer may open links to this endpoint. Known once the link is up.
    pub(super) is_allowed: bool,
    waiting: Waiting,
    /// The length of frames that fit into a packet in any case, once the link is up.
    packet_len: usize,
    /// The part of [`held_len`](Self::held_len) that is counted in the statistics.
    counted_len: usize,
    /// The part of [`held_len`](Self::held_len) that responses take at most.
    pub(super) responses_len: usize,
    pub(super) messages: Messages,
    pub(super) streams: Streams,
    /// The begin of the handshake, and after that its end.
    pub(super) since: Instant,
    /// The time of the last frame in either direction.
    pub(super) last_used: Instant,
    /// The time that the link's timer is set to.
    pub(super) armed: Option<Instant>,
    /// Whether the link is in the list of links to flush.
    pub(super) is_queued: bool,
}

#[derive(Debug)]
pub(super) struct Target {
    pub(super) addr: SocketAddr,
    pub(super) expected: Expected,
    /// The key that the peer has proven.
    pub(super) proven: ProvenKey,
    /// The time that the handshake took.
    pub(super) handshake: Option<Duration>,
}

/// The bytes from and to an address that may be forged. quinn-proto keeps to the limit except for
/// the last packet.
#[derive(Debug)]
pub(super) struct Unvalidated {
    pub(super) received: usize,
    pub(super) sent: usize,
}

impl Unvalidated {
    /// The bytes that may be sent for each that was received (RFC 9000, 8.1).
    const MAX_AMPLIFICATION: usize = 3;

    /// Counts a datagram if it may be sent.
    pub(super) fn admit(&mut self, len: usize) -> bool {
        let is_admitted = self.sent + len <= Self::MAX_AMPLIFICATION * self.received;
        self.sent += if is_admitted { len } else { 0 };
        is_admitted
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// In the handshake. For a link that the peer opens: whether its address was validated before.
    Handshaking {
        is_validated: bool,
    },
    Up(PeerId),
    /// Ended. The connection stays until the peer has been told.
    Ended,
}

impl Link {
    /// The length of a frame that fits into the shortest packet that QUIC falls back to, unless the
    /// peer allows less.
    const MIN_PACKET_LEN: usize = 1_100;

    /// The alert of a peer that does not allow a key.
    const ACCESS_DENIED: u8 = 49;

    pub(super) fn new(id: LinkId, connection: Connection, now: Instant) -> Self {
        Self {
            id,
            connection,
            stage: Stage::Handshaking { is_validated: true },
            handshake_id: None,
            unvalidated: None,
            target: None,
            is_allowed: false,
            waiting: Waiting::default(),
            packet_len: 0,
            counted_len: 0,
            responses_len: 0,
            messages: Messages::default(),
            streams: Streams::default(),
            since: now,
            last_used: now,
            armed: None,
            is_queued: false,
        }
    }

    /// Sends a frame, or keeps it until the handshake has ended and the network takes it.
    pub(super) fn send(&mut self, frame: Bytes, max_unsent_len: usize) -> Result<(), SendError> {
        match self.stage {
            Stage::Ended => Err(SendError::Ended),
            Stage::Up(_) if self.waiting.count() == 0 => self.send_now(frame, max_unsent_len),
            // The retransmission of a request that has not left yet.
            _ if self.waiting.has(&frame) => Ok(()),
            _ => self.keep(frame, max_unsent_len),
        }
    }

    fn send_now(&mut self, frame: Bytes, max_unsent_len: usize) -> Result<(), SendError> {
        let mut datagrams = self.connection.datagrams();
        if frame.len() <= self.packet_len || datagrams.max_size().is_some_and(|max_len| frame.len() <= max_len) {
            return match datagrams.send(frame, false) {
                Ok(()) => Ok(()),
                Err(SendDatagramError::Blocked(frame)) => self.keep(frame, max_unsent_len),
                Err(_) => Err(SendError::Ended),
            };
        }
        self.send_on_stream(frame, max_unsent_len)
    }

    /// Sends a frame on a stream, also a short one. The link must be up.
    pub(super) fn send_on_stream(&mut self, frame: Bytes, max_unsent_len: usize) -> Result<(), SendError> {
        let Messages { sending, .. } = &mut self.messages;
        if !sending.queue(frame, max_unsent_len) {
            return Err(SendError::Full);
        }
        sending.write(&mut self.connection);
        Ok(())
    }

    fn keep(&mut self, frame: Bytes, max_unsent_len: usize) -> Result<(), SendError> {
        if self.waiting.push(frame, max_unsent_len) { Ok(()) } else { Err(SendError::Full) }
    }

    /// Sends the frames that wait, until the network takes no more.
    pub(super) fn send_waiting(&mut self, max_unsent_len: usize) {
        // As many as there are now: one that the network does not take is kept again, at the end.
        for _ in 0..self.waiting.count() {
            let Some(frame) = self.waiting.pop() else { return };
            let count = self.waiting.count();
            // One that finds no room counts as lost.
            let _ = self.send_now(frame, max_unsent_len);
            if self.waiting.count() > count {
                // The order of the others stays.
                self.waiting.return_last();
                return;
            }
        }
    }

    /// Sets the bytes on streams that may be unacknowledged: twice the congestion window, so that
    /// there is always more to send, and the bytes that were passed to QUIC show how much has
    /// arrived.
    pub(super) fn set_send_window(&mut self) {
        let window = 2 * self.connection.congestion_state().window();
        self.connection.set_send_window(window.clamp(Config::MIN_SEND_WINDOW, Config::MAX_SEND_WINDOW));
    }

    /// Drops the frames with an id, except those that QUIC has taken as datagrams: the ones that
    /// wait or are being sent, and the ones that arrive. Returns whether one was dropped of which a
    /// part was not sent.
    pub(super) fn cancel(&mut self, id: &FrameId, memory: &mut MessageMemory) -> bool {
        let peer = self.peer();
        let was_waiting = self.waiting.cancel(id);
        let Messages { sending, arrivals } = &mut self.messages;
        if let Some(peer) = peer {
            arrivals.cancel(&mut self.connection, id, (memory, peer));
        }
        sending.cancel(&mut self.connection, id) || was_waiting
    }

    /// Returns the memory of the frames that wait or are not acknowledged, in bytes, with the
    /// responses on bidirectional streams that are not written. Without those in the buffers of
    /// QUIC for datagrams, which are small.
    pub(super) fn held_len(&self) -> usize {
        self.waiting.len() + self.messages.sending.held_len() + self.streams.responses_len()
    }

    /// Updates the count of the memory of all links, after that of this one may have changed.
    pub(super) fn count_unsent(&mut self, unsent: &mut u64) {
        *unsent = *unsent + self.held_len() as u64 - self.counted_len as u64;
        self.counted_len = self.held_len();
    }

    /// Returns the key of the peer of a link that is up.
    pub(super) fn peer(&self) -> Option<PeerId> {
        if let Stage::Up(peer) = self.stage { Some(peer) } else { None }
    }

    /// Drops all frames, because the link has ended.
    pub(super) fn clear(&mut self) {
        self.waiting = Waiting::default();
        self.messages = Messages::default();
        self.streams = Streams::default();
    }

    /// Returns the time at which the frames of the link should have arrived, a round trip after the
    /// last one, or from now if some wait.
    pub(super) fn settles_at(&mut self, now: Instant) -> Option<Instant> {
        let sent = if self.has_unsent() { now } else { self.last_used };
        matches!(self.stage, Stage::Up(_)).then(|| sent + self.connection.rtt())
    }

    /// Returns whether frames wait for the network, here or in the buffer of QUIC.
    pub(super) fn has_unsent(&mut self) -> bool {
        // quinn-proto counts each frame as its length and the size of its `Bytes`.
        let room = self.connection.datagrams().send_buffer_space() + size_of::<Bytes>();
        matches!(self.stage, Stage::Up(_)) && (room < Config::DATAGRAM_SEND_LEN || self.waiting.len() > 0)
    }

    /// Records that the link is up.
    pub(super) fn establish(&mut self, peer: PeerId, now: Instant) {
        if let Some(target) = &mut self.target {
            target.handshake = Some(now.saturating_duration_since(self.since));
        }
        self.packet_len = self.connection.datagrams().max_size().map_or(0, |max_len| max_len.min(Self::MIN_PACKET_LEN));
        self.stage = Stage::Up(peer);
        (self.since, self.last_used) = (now, now);
    }

    /// Describes the link, if it is up.
    pub(super) fn status(&self, now: Instant) -> Option<LinkStatus> {
        let Stage::Up(peer_id) = self.stage else { return None };
        let stats = self.connection.stats();
        Some(LinkStatus {
            peer_id,
            addr: self.connection.remote_address(),
            is_allowed: self.is_allowed,
            handshake: self.target.as_ref().and_then(|target| target.handshake),
            age: now.saturating_duration_since(self.since),
            idle: now.saturating_duration_since(self.last_used),
            round_trip: stats.path.rtt,
            mtu: stats.path.current_mtu,
            bytes_sent: stats.udp_tx.bytes,
            bytes_received: stats.udp_rx.bytes,
            packets_sent: stats.path.sent_packets,
            packets_lost: stats.path.lost_packets,
        })
    }

    /// Returns the time at which the link has work to do.
    pub(super) fn deadline(&mut self) -> Option<Instant> {
        let own = earlier(self.handshake_deadline(), self.streams.deadline());
        earlier(self.connection.poll_timeout(), earlier(own, self.messages.arrivals.deadline()))
    }

    /// Returns the time at which the handshake of a link that the peer opens must have ended.
    pub(super) fn handshake_deadline(&self) -> Option<Instant> {
        let is_handshaking = matches!(self.stage, Stage::Handshaking { .. }) && self.target.is_none();
        is_handshaking.then(|| self.since + Admission::HANDSHAKE_TIMEOUT)
    }

    /// Returns the reason for the end of the link, from the reason that the connection gives.
    pub(super) fn reason(&self, error: &ConnectionError) -> LinkEnd {
        let is_handshaking = matches!(self.stage, Stage::Handshaking { .. });
        match error {
            ConnectionError::TimedOut if is_handshaking => LinkEnd::NoAnswer,
            ConnectionError::ConnectionClosed(close) => {
                let code = close.error_code;
                if code == TransportErrorCode::CONNECTION_REFUSED
                    || code == TransportErrorCode::crypto(Self::ACCESS_DENIED)
                {
                    LinkEnd::Refused
                } else if is_crypto(code) {
                    LinkEnd::Incompatible
                } else if is_handshaking {
                    // The peer has given up the handshake, because packets were lost.
                    LinkEnd::Closed
                } else {
                    LinkEnd::Lost
                }
            }
            ConnectionError::ApplicationClosed(_) | ConnectionError::LocallyClosed => LinkEnd::Closed,
            _ => self.wrong_peer().unwrap_or(if is_handshaking { LinkEnd::Incompatible } else { LinkEnd::Lost }),
        }
    }

    /// Returns whether a link that the peer opened has ended because its key is not allowed.
    pub(super) fn is_denied(&self, error: &ConnectionError) -> bool {
        let ConnectionError::TransportError(error) = error else { return false };
        self.target.is_none() && error.code == TransportErrorCode::crypto(Self::ACCESS_DENIED)
    }

    /// Returns the reason of a link whose peer has proven another key than the expected one.
    fn wrong_peer(&self) -> Option<LinkEnd> {
        let Target { expected: Expected::Key(expected), proven, .. } = self.target.as_ref()? else { return None };
        let found = *proven.get()?;
        (found != *expected).then_some(LinkEnd::WrongPeer { expected: *expected, found })
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}

/// Returns whether an error is an alert of TLS.
fn is_crypto(code: TransportErrorCode) -> bool {
    (0x100..0x200).contains(&u64::from(code))
}
