//! Members of a group that are called over links: each is told apart by its key.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rpcudp_secure::{Expected, PeerId};

use super::member::Member;
use super::rendezvous::place_of_key;
use super::shared::GroupShared;
use crate::links::secure_peer::{Route, SecurePeer};
use crate::links::source;

impl GroupShared {
    /// Adds the member with a key, or notes its address if the group has it.
    pub(super) fn insert_secure(&self, addr: SocketAddr, key: PeerId) {
        self.has_links.store(true, Ordering::Relaxed);
        self.insert(addr, |addr, named_at| {
            let expected = Expected::Key(key);
            let target = match &self.links {
                Some(links) => links.target(addr, expected),
                // Calls end with an error, because the endpoint has no identity.
                None => Arc::new(SecurePeer::new(addr, self.source_of(key), Route::Open(expected))),
            };
            Member::over_link(target, place_of_key(key), named_at)
        });
    }

    /// Returns the address that stands for a key.
    pub(super) fn source_of(&self, key: PeerId) -> SocketAddr {
        self.links.as_ref().map_or_else(|| source::of_key(key, 0), |links| links.source_of(key))
    }
}
