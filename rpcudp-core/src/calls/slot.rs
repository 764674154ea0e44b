use std::net::SocketAddr;

use slab::Slab;

use super::wheel::{Tick, Timer, Timers};
use crate::MessageId;

/// A call in the table. Small, because a table may have a million of them.
#[derive(Debug)]
pub(super) struct Slot<T> {
    pub(super) deadline: Tick,
    pub(super) timer: Timer,
    pub(super) peer: SocketAddr,
    /// The random part of the message id. The rest of the id is the index of the slot.
    pub(super) random: [u8; 16],
    /// The time of the first transmission in microseconds since the origin, truncated to 32 bits.
    pub(super) sent: u32,
    pub(super) retransmits: bool,
    /// The number of retransmissions, saturating.
    pub(super) retransmit_count: u8,
    pub(super) ended: bool,
    pub(super) data: T,
}

impl<T> Slot<T> {
    /// Whether the call has this id. The slot part of the id, which located this slot, is not
    /// compared.
    pub(super) fn has(&self, id: &MessageId) -> bool {
        self.random == *id.random()
    }

    /// Whether a response from `source` comes from the called peer. A link-local peer that was
    /// called without a scope id may respond with one.
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
