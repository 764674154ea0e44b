use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::time::Instant;

use crate::receive_batch::{ReceiveBatch, Received, Unreachable};

/// The datagrams under way to one node, and those that lie there.
#[derive(Debug, Default)]
pub(super) struct ReceiveQueue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    packets: BinaryHeap<Reverse<Packet>>,
    receiver: Option<Waker>,
}

/// A datagram under way. Ordered by its arrival, then by its departure.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Packet {
    pub(super) arrives: Instant,
    pub(super) number: u64,
    /// Who sent it; of one that has come back, whom it was sent to.
    pub(super) peer: SocketAddr,
    pub(super) is_unreachable: bool,
    pub(super) contents: Vec<u8>,
}

impl ReceiveQueue {
    pub(super) fn push(&self, packet: Packet) {
        let receiver = {
            let mut state = self.lock();
            state.packets.push(Reverse(packet));
            state.receiver.take()
        };
        // A new packet may arrive before the one that the receiver waits for.
        if let Some(receiver) = receiver {
            receiver.wake();
        }
    }

    /// Takes what has arrived. Where nothing has, `receiver` is woken by the next packet that is put in, and the
    /// arrival of the next one that is under way is returned.
    pub(super) fn take(
        &self,
        now: Instant,
        local: IpAddr,
        batch: &mut ReceiveBatch,
        receiver: &Waker,
    ) -> Option<Instant> {
        let mut state = self.lock();
        while let Some(Reverse(packet)) = state.packets.peek() {
            if packet.arrives > now {
                break;
            }
            let (peer, contents) = (packet.peer, &packet.contents[..]);
            if packet.is_unreachable {
                batch.push_unreachable(Unreachable { destination: peer, contents });
            } else if !batch.push(Received { source: peer, local: Some(local), contents }) {
                break;
            }
            state.packets.pop();
        }
        if !batch.is_empty() {
            return None;
        }
        state.receiver = Some(receiver.clone());
        state.packets.peek().map(|Reverse(packet)| packet.arrives)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code of a user's runs while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
