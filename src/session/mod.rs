//! Sessions: peers that join an endpoint and leave it.
//!
//! UDP has no connections, so a server does not see that a peer is gone. A session is a lease that
//! a peer holds at a server: it begins with a handshake, is kept alive, and ends once, with a
//! reason that both sides learn.
//!
//! | on the server | purpose |
//! | --- | --- |
//! | [`Builder::sessions`](crate::Builder::sessions) with [`Sessions`] | a pool: its capacity, its line, its lease, its hooks |
//! | `#[rpc(session)]` on a method | refuses callers that are no members |
//! | [`Context::session`](crate::Context::session) | the [`Member`] that calls, with its data |
//! | [`Endpoint::sessions`](crate::Endpoint::sessions) | the [`Members`]: list, evict, events, call them all |
//!
//! | on the other side | purpose |
//! | --- | --- |
//! | [`Endpoint::join`](crate::Endpoint::join) | a [`Join`], which completes when the peer's turn has come |
//! | [`Session`] | clients, the position in line, the end |
//! | [`Rejoin`] | joins again when the server is back |
//!
//! Over the plain wire, a member is told apart by its address. With the feature `secure`, a peer
//! may join over a link (`Join::secure`), and its session belongs to the key that it has proven.

mod catalogue;
pub(crate) mod close;
mod config;
mod contract;
mod contract_mismatch;
mod effects;
mod events;
pub(crate) mod host;
mod join;
mod join_error;
mod join_response;
mod keep_response;
mod keeper;
pub(crate) mod link;
mod link_client;
mod members;
mod notices;
mod rejoin;
mod required;
pub(crate) mod roster;
#[cfg(feature = "secure")]
mod secure_join;
#[expect(clippy::module_inception, reason = "the file is named for its type")]
mod session;
mod session_state;
pub(crate) mod start;

pub use config::Sessions;
pub use contract_mismatch::{ChangedMethod, ContractMismatch};
pub use events::SessionEvents;
pub use join::Join;
pub use join_error::JoinError;
pub use members::Members;
pub use rejoin::Rejoin;
pub use roster::end_reason::EndReason;
pub use roster::event::SessionEvent;
pub use roster::member::Member;
pub use roster::session_id::SessionId;
pub use session::Session;
pub use session_state::SessionState;
