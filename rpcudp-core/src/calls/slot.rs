use std::net::SocketAddr;

use slab::Slab;

use super::wheel::{Tick, Timer, Timers};
use crate::MessageId;

// As small as can be: there may be a million of them.
#[derive(Debug)]
pub(super) struct Slot<T> {
    pub(super) deadline: Tick,
    pub(super) timer: Timer,
    pub(super) peer: SocketAddr,
    /// Its message id, of which the rest is where it is.
    pub(super) random: [u8; 16],
    /// When it was sent first, in microseconds of which the upper half is missing.
    pub(super) sent: u32,
    pub(super) retransmits: bool,
    /// How often it was sent again.
    pub(super) retransmit_count: u8,
    pub(super) over: bool,
    pub(super) data: T,
}

impl<T> Slot<T> {
    /// Whether the call in it has this id, by whose slot it was found.
    pub(super) fn has(&self, id: &MessageId) -> bool {
        self.random == *id.random()
    }

    /// Whether an answer from `source` comes from the peer that was called. A link-local peer that was called without a
    /// scope answers with the one that it turned out to have.
    pub(super) fn accepts(&self, source: SocketAddr) -> bool {
        match (self.peer, source) {
            (SocketAddr::V6(peer), SocketAddr::V6(source)) if peer.scope_id() == 0 => {
                (peer.ip(), peer.port()) == (source.ip(), source.port())
            }
            (peer, source) => peer == source,
        }
    }
}

impl<T> Timers for Slab<Slot<T>> {
    fn timer(&mut self, index: u32) -> &mut Timer {
        &mut self[index as usize].timer
    }
}
