//! Requests about sessions, as the table gets them, and its answers.

use std::net::SocketAddr;
use std::sync::Arc;

use super::end_reason::EndReason;
use super::session_id::{Credential, SessionId};
use crate::links::linked_peer::LinkedPeer;

/// A request to join.
#[derive(Debug)]
pub(crate) struct JoinRequest {
    pub(crate) addr: SocketAddr,
    /// The link that the request came over. Its peer is confirmed.
    pub(crate) link: Option<Arc<LinkedPeer>>,
    pub(crate) pool: usize,
    /// The key that the peer has drawn for this session.
    pub(crate) key: u64,
    /// Whether the peer has shown that it receives at the address.
    pub(crate) is_confirmed: bool,
    /// Whether the endpoint trusts the address without that, because no limits apply to it.
    pub(crate) is_trusted: bool,
    /// The id of the session, if there will be one.
    pub(crate) id: SessionId,
}

/// A request to keep a session alive.
#[derive(Debug)]
pub(crate) struct KeepRequest {
    pub(crate) addr: SocketAddr,
    /// The link that the request came over.
    pub(crate) link: Option<Arc<LinkedPeer>>,
    pub(crate) session: Credential,
    /// The number of the request among those of the session.
    pub(crate) number: Option<u64>,
    /// Whether the peer has shown that it receives at the address.
    pub(crate) is_confirmed: bool,
}

/// The answer to a request to join.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// The session has a place, or has had one and has ended.
    Session(Credential),
    /// The peer must show first that it receives at its address.
    Unconfirmed,
    /// All places are taken, those in line too.
    Full { capacity: usize, queue: usize },
}

/// The state of a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The position in line, or 0 for a member.
    At(usize),
    /// The peer must show first that it receives at its new address.
    Unconfirmed,
    Ended(EndReason),
    Unknown,
}
