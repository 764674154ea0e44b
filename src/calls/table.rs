use std::collections::BTreeMap;
use std::mem;
use std::task::Waker;
use std::time::Instant;

use rand::Rng;
use rand::rngs::StdRng;
use rpcudp_core::{Calls, MessageId};

use super::collector::Collector;
use super::completion::{Completion, Setback};
use super::wake_queue::{NextWake, WakeQueue};

/// The calls in flight and the state that changes with them, behind one lock.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) calls: Calls<CallState>,
    pub(super) rng: StdRng,
    /// The time of the driver's next look at the table.
    pub(super) next_tick: Option<Instant>,
    /// Tasks of ended calls that have not been woken.
    pub(super) wake_queue: WakeQueue,
    /// The last reason why a call that goes on has not succeeded, by the call's key. Apart from the
    /// calls, because few have one.
    pub(super) setbacks: BTreeMap<MessageId, Setback>,
    pub(super) is_closed: bool,
}

/// The state of a call in the table.
#[derive(Debug)]
pub(super) enum CallState {
    Pending {
        waker: Waker,
        /// The request, if it may be sent again.
        datagram: Vec<u8>,
        /// Whether the task is woken when the peer has not responded to several transmissions.
        is_watched: bool,
    },
    Completed(Completion),
    /// A call to several peers. In a box, because few calls are.
    Multicast(Box<Collector>),
}

impl Table {
    pub(super) fn random(&mut self) -> [u8; 16] {
        // Faster than `fill_bytes`, which copies byte by byte.
        let random = (u128::from(self.rng.next_u64()) << 64) | u128::from(self.rng.next_u64());
        random.to_le_bytes()
    }

    pub(super) fn remove(&mut self, key: &MessageId) -> Option<CallState> {
        if !self.setbacks.is_empty() {
            self.setbacks.remove(key);
        }
        self.calls.remove(key)
    }

    /// Returns whether a call is due before the driver's next look, and notes its time as that of
    /// the next look if so.
    pub(super) fn is_due_earlier(&mut self, key: &MessageId) -> bool {
        let due = self.calls.due(key);
        let is_earlier = self.next_tick.is_none_or(|next_tick| due.is_some_and(|due| due < next_tick));
        if is_earlier {
            self.next_tick = due;
        }
        is_earlier
    }

    pub(super) fn after_task(&mut self) -> NextWake {
        self.wake_queue.after_task(|id| self.calls.data(id).is_some_and(|state| state.has_event()))
    }

    pub(super) fn after_driver(&mut self, driver: &Waker) -> NextWake {
        self.wake_queue.after_driver(driver, |id| self.calls.data(id).is_some_and(|state| state.has_event()))
    }
}

impl CallState {
    /// Whether the call has a completion or a response that its task has not taken.
    pub(super) fn has_event(&self) -> bool {
        match self {
            Self::Pending { .. } => false,
            Self::Completed(_) => true,
            Self::Multicast(collector) => collector.has_event(),
        }
    }

    /// Whether the call has not ended.
    pub(super) fn is_pending(&self) -> bool {
        match self {
            Self::Pending { .. } => true,
            Self::Completed(_) => false,
            Self::Multicast(collector) => collector.is_pending(),
        }
    }

    /// Completes the call if it is pending. Returns the waker of its task.
    pub(super) fn complete(&mut self, completion: Completion) -> Option<Waker> {
        match self {
            Self::Pending { .. } => {}
            Self::Completed(_) => return None,
            Self::Multicast(collector) => return collector.end(completion),
        }
        match mem::replace(self, Self::Completed(completion)) {
            Self::Pending { waker, datagram, .. } => {
                if let Self::Completed(completion) = self
                    && !datagram.is_empty()
                {
                    completion.keep_request(datagram);
                }
                Some(waker)
            }
            Self::Completed(_) | Self::Multicast(_) => None,
        }
    }
}
