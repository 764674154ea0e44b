//! Groups of peers: their sources, their health, and the choice of a peer for a call.

pub(crate) mod change;
#[cfg(feature = "tower")]
mod discover;
pub(crate) mod evidence;
pub(crate) mod follow;
pub(crate) mod hedging;
#[cfg(feature = "secure")]
mod link_members;
pub(crate) mod member;
pub(crate) mod members;
pub(crate) mod peer_source;
pub(crate) mod peer_status;
pub(crate) mod peers;
pub(crate) mod rendezvous;
pub(crate) mod shared;
