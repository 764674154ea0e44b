use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::time::Instant;

use crate::{ReceiveBatch, Received, Unreachable};

/// The datagrams under way to one node, and those that lie there.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    letters: BinaryHeap<Reverse<Letter>>,
    receiver: Option<Waker>,
}

/// A datagram under way. Ordered by its arrival, then by its departure.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Letter {
    pub(super) arrives: Instant,
    pub(super) number: u64,
    /// Who sent it; of one that has come back, whom it was sent to.
    pub(super) source: SocketAddr,
    pub(super) has_bounced: bool,
    pub(super) contents: Vec<u8>,
}

impl Inbox {
    pub(super) fn put(&self, letter: Letter) {
        let receiver = {
            let mut state = self.lock();
            state.letters.push(Reverse(letter));
            state.receiver.take()
        };
        // A new letter may arrive before the one that the receiver waits for.
        if let Some(receiver) = receiver {
            receiver.wake();
        }
    }

    /// Takes what has arrived. Where nothing has, `receiver` is woken by the next letter that is put in, and the
    /// arrival of the next one that is under way is returned.
    pub(super) fn take(
        &self,
        now: Instant,
        local: IpAddr,
        batch: &mut ReceiveBatch,
        receiver: &Waker,
    ) -> Option<Instant> {
        let mut state = self.lock();
        while let Some(Reverse(letter)) = state.letters.peek() {
            if letter.arrives > now {
                break;
            }
            let (source, contents) = (letter.source, &letter.contents[..]);
            if letter.has_bounced {
                batch.push_unreachable(Unreachable { destination: source, contents });
            } else if !batch.push(Received { source, local: Some(local), contents }) {
                break;
            }
            state.letters.pop();
        }
        if !batch.is_empty() {
            return None;
        }
        state.receiver = Some(receiver.clone());
        state.letters.peek().map(|Reverse(letter)| letter.arrives)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code of a user's runs while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
