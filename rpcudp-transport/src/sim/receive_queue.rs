use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::time::Instant;

use crate::receive_batch::{ReceiveBatch, Received, Unreachable};

/// The packets to one node: still travelling, or arrived and not yet received.
#[derive(Debug, Default)]
pub(super) struct ReceiveQueue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    packets: BinaryHeap<Reverse<Packet>>,
    receiver: Option<Waker>,
    /// Whether the receiving process is paused: packets arrive, and it receives none.
    is_paused: bool,
}

/// A datagram with its arrival time. Ordered by arrival, then by the order of sending.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Packet {
    pub(super) arrives: Instant,
    pub(super) number: u64,
    /// The sender of the datagram; for a report of an unreachable destination, that destination.
    pub(super) peer: SocketAddr,
    /// The multicast or broadcast address that the datagram was sent to. `None` if it was sent to
    /// the node's own.
    pub(super) group: Option<IpAddr>,
    /// Whether this is a report of an unreachable destination, with the datagram that it quotes.
    pub(super) is_unreachable: bool,
    /// Whether the packet reaches the node through a router's mapping, and is lost without it.
    pub(super) is_mapped: bool,
    pub(super) contents: Vec<u8>,
}

impl State {
    fn register(&mut self, receiver: Option<&Waker>) {
        if let Some(receiver) = receiver {
            self.receiver = Some(receiver.clone());
        }
    }
}

impl ReceiveQueue {
    /// Adds a packet and wakes the receiver.
    pub(super) fn push(&self, packet: Packet) {
        let receiver = {
            let mut state = self.lock();
            state.packets.push(Reverse(packet));
            state.receiver.take()
        };
        // The new packet may arrive before the one that the receiver has set its timer for.
        if let Some(receiver) = receiver {
            receiver.wake();
        }
    }

    /// Pauses or resumes the receiver.
    pub(super) fn set_paused(&self, is_paused: bool) {
        let receiver = {
            let mut state = self.lock();
            state.is_paused = is_paused;
            state.receiver.take_if(|_| !is_paused)
        };
        if let Some(receiver) = receiver {
            receiver.wake();
        }
    }

    /// Drops the packets that are still on their way to a mapping, and returns their number.
    pub(super) fn drop_mapped(&self, now: Instant) -> u64 {
        let mut state = self.lock();
        let count = state.packets.len();
        state.packets.retain(|Reverse(packet)| !packet.is_mapped || packet.arrives <= now);
        (count - state.packets.len()) as u64
    }

    /// Moves the packets that have arrived into `batch`. If none has, registers a `receiver` to be
    /// woken by the next [`push`](Self::push), and returns the arrival time of the next packet, if
    /// any.
    pub(super) fn take(
        &self,
        now: Instant,
        local: IpAddr,
        batch: &mut ReceiveBatch,
        receiver: Option<&Waker>,
    ) -> Option<Instant> {
        let mut state = self.lock();
        if state.is_paused {
            state.register(receiver);
            return None;
        }
        while let Some(Reverse(packet)) = state.packets.peek() {
            if packet.arrives > now {
                break;
            }
            let (peer, contents) = (packet.peer, &packet.contents[..]);
            if packet.is_unreachable {
                batch.push_unreachable(Unreachable { destination: peer, contents });
            } else if !batch.push(Received { source: peer, local: Some(packet.group.unwrap_or(local)), contents }) {
                break;
            }
            state.packets.pop();
        }
        if !batch.is_empty() {
            return None;
        }
        state.register(receiver);
        state.packets.peek().map(|Reverse(packet)| packet.arrives)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No user code runs while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
