use std::net::SocketAddr;
use std::{error, fmt};

use rpcudp_core::contract::Contract;

use super::contract_mismatch::{ContractMismatch, printable};
use super::join_response::JoinRefusal;
use super::roster::end_reason::EndReason;
use super::roster::member::pool_name;
use crate::client::error::CallError;
use crate::client::refusal::Refusal;

/// The reason why an endpoint could not join another.
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// All places of the pool are taken, those in line too.
    Full {
        /// The server.
        peer: SocketAddr,
        /// The name of the pool.
        pool: String,
        /// The number of members that the pool admits.
        capacity: u64,
        /// The number of places in line.
        queue: u64,
    },
    /// The server's hook for joining refused.
    Refused {
        /// The server.
        peer: SocketAddr,
        /// The text of the hook.
        reason: String,
    },
    /// The server does not serve a contract that [`Join::require`](super::Join::require) names, or
    /// serves it in another form.
    ContractMismatch {
        /// The server.
        peer: SocketAddr,
        /// The methods.
        source: Box<ContractMismatch>,
    },
    /// The peer serves other things, and has no sessions.
    NoSessions {
        /// The peer.
        peer: SocketAddr,
    },
    /// The server has no pool of this name.
    NoPool {
        /// The server.
        peer: SocketAddr,
        /// The name.
        pool: String,
    },
    /// The server speaks another version of the handshake.
    Version {
        /// The server.
        peer: SocketAddr,
        /// The version that the server speaks.
        version: u32,
    },
    /// The session ended while it waited in line.
    Ended {
        /// The server.
        peer: SocketAddr,
        /// The reason.
        reason: EndReason,
    },
    /// The contracts that [`Join::require`](super::Join::require) names have more methods than a
    /// request carries.
    TooManyMethods {
        /// The number of methods of all required contracts.
        count: usize,
        /// The largest number that a request carries.
        limit: usize,
    },
    /// The server could not be asked.
    Call(CallError),
}

impl JoinError {
    /// Converts the error of a call to join.
    pub(super) fn new(
        error: CallError<JoinRefusal>,
        peer: SocketAddr,
        pool: &str,
        required: &[&'static Contract],
    ) -> Self {
        let pool = || pool.to_owned();
        match error {
            CallError::Application(refusal) => match refusal {
                JoinRefusal::Version(version) => Self::Version { peer, version },
                JoinRefusal::Pool => Self::NoPool { peer, pool: pool() },
                JoinRefusal::Full { capacity, queue } => Self::Full { peer, pool: pool(), capacity, queue },
                JoinRefusal::Contract { missing, changed } => {
                    let source = Box::new(ContractMismatch::new(required, missing, changed));
                    Self::ContractMismatch { peer, source }
                }
                JoinRefusal::Ended(reason) => Self::of_end(peer, reason),
            },
            CallError::Refused { reason: Refusal::UnknownMethod, .. } => Self::NoSessions { peer },
            error => Self::Call(error.map_application(|_| unreachable!("the first arm takes this error"))),
        }
    }

    /// Converts the end of a session that has not been a member.
    pub(super) fn of_end(peer: SocketAddr, reason: EndReason) -> Self {
        match reason {
            EndReason::Refused(text) => Self::Refused { peer, reason: printable(&text) },
            reason => Self::Ended { peer, reason },
        }
    }

    /// Returns whether the server may let the peer in later.
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Ended { reason, .. } => matches!(reason, EndReason::Expired | EndReason::Closing),
            Self::Call(error) => error.is_retryable(),
            _ => false,
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { peer, pool, capacity, queue } => {
                let pool = pool_name(pool);
                write!(
                    f,
                    "{peer} is busy: all places of {pool} are taken, {capacity} for members and {queue} in line"
                )?;
                if *queue == 0 { f.write_str(" (`Sessions::queue` lets peers wait)") } else { Ok(()) }
            }
            Self::Refused { peer, reason } => write!(f, "{peer} refused the session: {reason}"),
            Self::ContractMismatch { peer, source } => write!(f, "cannot join {peer}: {source}"),
            Self::NoSessions { peer } => {
                write!(f, "{peer} has no sessions: its program enables them with `Builder::sessions`")
            }
            Self::NoPool { peer, pool } => write!(f, "{peer} has no sessions in {}", pool_name(pool)),
            Self::Version { peer, version } => {
                write!(f, "{peer} speaks version {version} of the handshake, which this version does not know")
            }
            Self::Ended { peer, reason } => write!(f, "the session at {peer} ended before its turn: {reason}"),
            Self::TooManyMethods { count, limit } => {
                write!(
                    f,
                    "the required contracts have {count} methods, and a request to join carries {limit}: require fewer"
                )
            }
            Self::Call(error) => error.fmt(f),
        }
    }
}

impl error::Error for JoinError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::ContractMismatch { source, .. } => Some(source),
            Self::Call(error) => error.source(),
            _ => None,
        }
    }
}
