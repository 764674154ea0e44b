use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use quinn_proto::{Connection, ConnectionError, SendDatagramError, TransportErrorCode};

use super::admission::Admission;
use super::event::{Expected, LinkEnd, LinkId, SendError};
use super::messages::{MessageMemory, Messages};
use crate::peer_id::PeerId;
use crate::tls::ProvenKey;

/// A link in the table.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) connection: Connection,
    pub(super) stage: Stage,
    /// The target of a link that this endpoint has opened.
    pub(super) target: Option<Target>,
    /// The frames that wait for the end of the handshake.
    pub(super) waiting: VecDeque<Bytes>,
    pub(super) messages: Messages,
    pub(super) opened: Instant,
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
    /// Frames that wait for the end of the handshake.
    const MAX_WAITING: usize = 64;

    /// The bytes of the frames that wait, beyond which no more are taken.
    const MAX_WAITING_LEN: usize = 64 << 10;

    /// The alert of a peer that does not allow a key.
    const ACCESS_DENIED: u8 = 49;

    pub(super) fn new(id: LinkId, connection: Connection, now: Instant) -> Self {
        Self {
            id,
            connection,
            stage: Stage::Handshaking { is_validated: true },
            target: None,
            waiting: VecDeque::new(),
            messages: Messages::new(),
            opened: now,
            last_used: now,
            armed: None,
            is_queued: false,
        }
    }

    /// Sends a frame, or keeps it until the handshake has ended.
    pub(super) fn send(&mut self, frame: Bytes, memory: &MessageMemory) -> Result<(), SendError> {
        match self.stage {
            Stage::Ended => Err(SendError::Ended),
            Stage::Handshaking { .. } => {
                // The retransmission of a request that has not left yet.
                if self.waiting.contains(&frame) {
                    return Ok(());
                }
                let waiting_len: usize = self.waiting.iter().map(Bytes::len).sum();
                if self.waiting.len() >= Self::MAX_WAITING || waiting_len >= Self::MAX_WAITING_LEN {
                    return Err(SendError::Full);
                }
                self.waiting.push_back(frame);
                Ok(())
            }
            Stage::Up(_) => self.send_now(frame, memory),
        }
    }

    fn send_now(&mut self, frame: Bytes, memory: &MessageMemory) -> Result<(), SendError> {
        let mut datagrams = self.connection.datagrams();
        if datagrams.max_size().is_some_and(|max_len| frame.len() <= max_len) {
            return match datagrams.send(frame, false) {
                Ok(()) => Ok(()),
                Err(SendDatagramError::Blocked(_)) => Err(SendError::Full),
                Err(_) => Err(SendError::Ended),
            };
        }
        if !self.messages.queue(frame, memory) {
            return Err(SendError::Full);
        }
        self.messages.write(&mut self.connection);
        Ok(())
    }

    /// Sends the frames that have waited for the end of the handshake. One that finds no room
    /// counts as lost.
    pub(super) fn send_waiting(&mut self, memory: &MessageMemory) {
        for frame in std::mem::take(&mut self.waiting) {
            let _ = self.send_now(frame, memory);
        }
    }

    /// Returns the time at which the link has work to do.
    pub(super) fn deadline(&mut self) -> Option<Instant> {
        let deadlines = [self.connection.poll_timeout(), self.handshake_deadline(), self.messages.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Returns the time at which the handshake of a link that the peer opens must have ended.
    pub(super) fn handshake_deadline(&self) -> Option<Instant> {
        let is_handshaking = matches!(self.stage, Stage::Handshaking { .. }) && self.target.is_none();
        is_handshaking.then(|| self.opened + Admission::HANDSHAKE_TIMEOUT)
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

    /// Returns the reason of a link whose peer has proven another key than the expected one.
    fn wrong_peer(&self) -> Option<LinkEnd> {
        let Target { expected: Expected::Key(expected), proven, .. } = self.target.as_ref()? else { return None };
        let found = *proven.get()?;
        (found != *expected).then_some(LinkEnd::WrongPeer { expected: *expected, found })
    }
}

/// Returns whether an error is an alert of TLS.
fn is_crypto(code: TransportErrorCode) -> bool {
    (0x100..0x200).contains(&u64::from(code))
}
