//! The naive model: the outcomes that a call may have, derived from the list of
//! packets that its endpoint received.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::{Dialect, MessageId};
use rpcudp_core::{FailureCode, Frame, codec};
use tokio::time::Instant;

use super::manual_network::Packet;
use super::service::{Method, Outcome};

/// Everything that can decide a call: the events that reached the caller, in order, and its
/// closing.
#[derive(Debug, Default)]
pub(crate) struct History {
    events: Vec<(Instant, SocketAddr, MessageId, Event)>,
    /// The ids of packets that were changed or forged. The model does not predict their effect.
    tampered: BTreeSet<MessageId>,
    /// The ids of packets of which the network delivered copies.
    duplicated: BTreeSet<MessageId>,
    pub(crate) closed_at: Option<Instant>,
    /// Jumps of the time, with the times before and after.
    jumps: Vec<(Instant, Instant)>,
}

#[derive(Debug)]
enum Event {
    Response(Vec<u8>),
    Failure {
        code: FailureCode,
        detail: Option<Vec<u8>>,
    },
    /// A response or failure frame whose body is invalid.
    Invalid,
    Unreachable,
}

/// A call as its caller made it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallInfo {
    pub(crate) method: Method,
    pub(crate) peer: SocketAddr,
    pub(crate) start: Instant,
    pub(crate) timeout: Duration,
}

impl History {
    /// Records the delivery of a packet to the caller.
    pub(crate) fn record_delivery(&mut self, packet: &Packet) {
        let (id, event) = match Frame::decode(&packet.contents, Dialect::Rpcudp) {
            Ok(Frame::Response(response)) => (response.id, Event::Response(response.body.into())),
            Ok(Frame::Failure(failure)) => {
                (failure.id, Event::Failure { code: failure.code, detail: failure.detail.map(Into::into) })
            }
            Ok(_) => return,
            Err(_) => match Frame::response_id(&packet.contents, Dialect::Rpcudp) {
                Some(id) if Frame::is_unchecked_response(&packet.contents, Dialect::Rpcudp) => (id, Event::Invalid),
                _ => return,
            },
        };
        self.events.push((Instant::now(), packet.from, id, event));
    }

    /// Records that one of the caller's packets was reported as unreachable.
    pub(crate) fn record_unreachable(&mut self, packet: &Packet) {
        if let (Some(0), Some(id)) = (packet.contents.first(), id_of(&packet.contents)) {
            self.events.push((Instant::now(), packet.to, id, Event::Unreachable));
        }
    }

    /// Records that a packet was changed or forged.
    pub(crate) fn record_tampering(&mut self, contents: &[u8]) {
        self.tampered.extend(id_of(contents));
    }

    pub(crate) fn is_tampered_with(&self, id: MessageId) -> bool {
        self.tampered.contains(&id)
    }

    /// Records that the network delivers a copy of a packet and keeps the original.
    pub(crate) fn record_copy(&mut self, packet: &Packet) {
        self.duplicated.extend(id_of(&packet.contents));
    }

    pub(crate) fn is_duplicated(&self, id: MessageId) -> bool {
        self.duplicated.contains(&id)
    }

    /// Records that the time has jumped since `before`, as for a process that was paused.
    pub(crate) fn record_jump(&mut self, before: Instant) {
        self.jumps.push((before, Instant::now()));
    }

    /// Returns the time at which a driver handles a deadline: at the end of a jump over it.
    /// Responses that have arrived by then count.
    fn handled_at(&self, deadline: Instant) -> Instant {
        let jump = self.jumps.iter().find(|(before, after)| *before <= deadline && deadline < *after);
        jump.map_or(deadline, |(_, after)| *after)
    }

    /// Returns the outcomes that a call may have that was sent: the earliest event decides, and of
    /// events at the same instant any may.
    pub(crate) fn allowed_outcomes(&self, id: MessageId, call: CallInfo) -> Vec<Outcome> {
        let deadline = call.start + call.timeout;
        let first = self.events.iter().find(|(_, from, of, _)| (*from, *of) == (call.peer, id));
        let allowed = |deadline| {
            let mut events = vec![(deadline, Outcome::TimedOut)];
            events.extend(self.closed_at.map(|at| (at, Outcome::Closed)));
            events.extend(first.map(|(at, .., event)| (*at, event.outcome(call.method))));
            let earliest = events.iter().map(|(at, _)| *at).min().expect("there is a deadline");
            events.into_iter().filter(move |(at, _)| *at == earliest).map(|(_, outcome)| outcome)
        };
        allowed(deadline).chain(allowed(self.handled_at(deadline))).collect()
    }
}

impl Event {
    fn outcome(&self, method: Method) -> Outcome {
        match self {
            Self::Response(body) => number(body).map_or(Outcome::Undecodable, Outcome::Value),
            Self::Failure { code: FailureCode::APPLICATION, detail: Some(detail) }
                if method == Method::AtMostFailing =>
            {
                number(detail).map_or(Outcome::Undecodable, Outcome::Application)
            }
            Self::Failure { code: FailureCode::BUSY, .. } => Outcome::Busy,
            Self::Failure { code: FailureCode::CLOSING, .. } => Outcome::Closing,
            Self::Failure { .. } => Outcome::Refused,
            Self::Invalid => Outcome::Undecodable,
            Self::Unreachable => Outcome::Unreachable,
        }
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    codec::decode(bytes).ok()
}

/// Returns the id of a datagram, or `None` if it is shorter than a header.
pub(crate) fn id_of(contents: &[u8]) -> Option<MessageId> {
    let (_, id) = contents.first_chunk::<21>()?.split_first()?;
    Some(MessageId::from_bytes(id.try_into().ok()?))
}
