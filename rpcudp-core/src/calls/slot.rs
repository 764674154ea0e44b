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
    /// The random part of the call's key. The rest of the key is the index of the slot.
    pub(super) random: [u8; 16],
    /// The time of the first transmission in microseconds since the origin, truncated to 32 bits.
    pub(super) sent: u32,
    pub(super) state: State,
    /// The number of retransmissions, saturating.
    pub(super) retransmit_count: u8,
    /// The number of fresh message ids that the call has had besides its key.
    pub(super) renewal_count: u8,
    /// Whether the call is sent again if its peer is not ready.
    pub(super) waits_for_ready: bool,
    pub(super) data: T,
}

/// The state of a call, for its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Sent once. The next event is the deadline.
    Once,
    /// Sent once to several peers, whose responses do not end the call. The next event is the
    /// deadline.
    Multicast,
    /// Retransmitted until a response arrives.
    Retransmits,
    /// Retransmitted at long intervals, because the handler is running.
    Running,
    /// Retransmitted, after the peer was not ready. Measures no round trip.
    Resumed,
    /// Retransmitted at long intervals, because the path repeats what is lost.
    Carried,
    /// Completed or timed out.
    Ended,
}

impl<T> Slot<T> {
    /// Whether the call has this key, which is its first message id. The slot part, which located
    /// this slot, is not compared.
    pub(super) fn has_key(&self, key: &MessageId) -> bool {
        self.random == *key.random()
    }

    /// Whether the call was last sent with this message id.
    pub(super) fn has_id(&self, id: &MessageId) -> bool {
        if self.renewal_count == 0 { self.has_key(id) } else { self.id_random() == *id.random() }
    }

    /// Returns the message id of the call's transmissions.
    pub(super) fn id(&self, index: u32) -> MessageId {
        MessageId::with_slot(index, self.id_random())
    }

    fn id_random(&self) -> [u8; 16] {
        let mut random = self.random;
        random[0] = random[0].wrapping_add(self.renewal_count);
        random
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

    /// Whether the call was made to an address that no datagram has.
    pub(super) fn has_flow_label(&self) -> bool {
        matches!(self.peer, SocketAddr::V6(peer) if peer.flowinfo() != 0)
    }
}

impl<T> Timers for Slab<Slot<T>> {
    fn timer(&mut self, index: u32) -> &mut Timer {
        &mut self[index as usize].timer
    }
}
