//! The naive model: what a call may observe, told from what was delivered to its endpoint, with nothing but a list.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::{Dialect, MessageId};
use rpcudp_core::{FailureCode, Frame, codec};
use tokio::time::Instant;

use super::office::Letter;
use super::service::{Ending, Method};

/// What has reached the caller, in this order, and what else could have decided a call.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    arrived: Vec<(Instant, SocketAddr, MessageId, Answer)>,
    /// The ids of datagrams that somebody changed or made up: what comes of those is anybody's guess.
    tampered: BTreeSet<MessageId>,
    pub(crate) closed_at: Option<Instant>,
}

#[derive(Debug)]
enum Answer {
    Response(Vec<u8>),
    Failure { code: FailureCode, detail: Option<Vec<u8>> },
    Returned,
}

/// A call as its caller knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) peer: SocketAddr,
    pub(crate) start: Instant,
    pub(crate) timeout: Duration,
}

impl Observed {
    /// Notes that a letter has been delivered to the caller.
    pub(crate) fn delivered(&mut self, letter: &Letter) {
        let (id, answer) = match Frame::decode(&letter.contents, Dialect::Rpcudp) {
            Ok(Frame::Response(response)) => (response.id, Answer::Response(response.body.into())),
            Ok(Frame::Failure(failure)) => {
                (failure.id, Answer::Failure { code: failure.code, detail: failure.detail.map(Into::into) })
            }
            _ => return,
        };
        self.arrived.push((Instant::now(), letter.from, id, answer));
    }

    /// Notes that one of the caller's letters has been given back to it.
    pub(crate) fn given_back(&mut self, letter: &Letter) {
        if let (Some(0), Some(id)) = (letter.contents.first(), id_of(&letter.contents)) {
            self.arrived.push((Instant::now(), letter.to, id, Answer::Returned));
        }
    }

    /// Notes that a datagram was changed or made up.
    pub(crate) fn tampered_with(&mut self, contents: &[u8]) {
        self.tampered.extend(id_of(contents));
    }

    pub(crate) fn is_tampered_with(&self, id: MessageId) -> bool {
        self.tampered.contains(&id)
    }

    /// How a call may have ended that was sent: the first thing that counts decides, and at the last moment both do.
    pub(crate) fn endings(&self, id: MessageId, asked: Asked) -> Vec<Ending> {
        let deadline = asked.start + asked.timeout;
        let first = self.arrived.iter().find(|(_, from, of, _)| (*from, *of) == (asked.peer, id));
        let mut events = vec![(deadline, Ending::TimedOut)];
        events.extend(self.closed_at.map(|at| (at, Ending::Closed)));
        events.extend(first.map(|(at, .., answer)| (*at, answer.ending(asked.method))));
        let earliest = events.iter().map(|(at, _)| *at).min().expect("there is a deadline");
        events.into_iter().filter(|(at, _)| *at == earliest).map(|(_, ending)| ending).collect()
    }
}

impl Answer {
    fn ending(&self, method: Method) -> Ending {
        match self {
            Self::Response(body) => number(body).map_or(Ending::Undecodable, Ending::Value),
            Self::Failure { code: FailureCode::APPLICATION, detail: Some(detail) }
                if method == Method::AtMostFailing =>
            {
                number(detail).map_or(Ending::Undecodable, Ending::Application)
            }
            Self::Failure { .. } => Ending::Refused,
            Self::Returned => Ending::Unreachable,
        }
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    codec::decode(bytes).ok()
}

/// The id of whatever has a header.
pub(crate) fn id_of(contents: &[u8]) -> Option<MessageId> {
    let (_, id) = contents.first_chunk::<21>()?.split_first()?;
    Some(MessageId::from_bytes(id.try_into().ok()?))
}
