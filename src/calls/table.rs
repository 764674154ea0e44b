use std::net::SocketAddr;
use std::sync::MutexGuard;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};
use std::{io, mem};

use rand::Rng;
use rand::rngs::StdRng;
use rpcudp_core::{CallEvent, Calls, DropReason, MessageId, Schedule};

use super::completion::{Completion, StartError};
use super::wake_queue::{NextWake, WakeQueue};
use crate::clock::now;
use crate::lock::Lock;

/// The table of an endpoint's calls in flight, with the random source of their message ids.
#[derive(Debug)]
// Alignment to cache lines keeps the lock away from data that other threads read. Without it, the
// allocator decides, and up to a twentieth of the throughput differs from one build to the next.
#[repr(align(128))]
pub(crate) struct InFlightCalls {
    table: Lock<Table>,
}

/// The settings of the table, from the builder.
#[derive(Clone, Debug)]
pub(crate) struct CallSettings {
    pub(crate) max_calls: usize,
    pub(crate) any_source: bool,
    pub(crate) first_interval: Duration,
}

#[derive(Debug)]
struct Table {
    calls: Calls<CallState>,
    rng: StdRng,
    /// The time of the driver's next look at the table.
    next_tick: Option<Instant>,
    /// Tasks whose calls have ended and which have not been woken.
    wake_queue: WakeQueue,
    is_closed: bool,
}

#[derive(Debug)]
enum CallState {
    Pending {
        waker: Waker,
        /// The request, if it may be retransmitted.
        datagram: Vec<u8>,
    },
    Completed(Completion),
}

/// A call that has a slot in the table and may be sent.
#[derive(Debug)]
pub(crate) struct StartedCall {
    pub(crate) id: MessageId,
    /// Whether the driver must be woken, because this call is due before the driver's next look.
    pub(crate) wakes_driver: bool,
    /// The number of calls in the table, this one included.
    pub(crate) call_count: usize,
}

/// The work that has become due.
#[derive(Debug)]
pub(crate) struct DueWork {
    /// Requests to retransmit.
    pub(crate) retransmissions: Vec<(MessageId, SocketAddr, Vec<u8>)>,
    /// The time of the next look. Not after now if more work is due.
    pub(crate) next_tick: Option<Instant>,
}

impl InFlightCalls {
    /// Calls that one look handles before it unlocks the table and lets tasks run. A million calls
    /// may time out at once.
    const MAX_EVENTS: usize = 1_024;

    pub(crate) fn new(origin: Instant, rng: StdRng, settings: &CallSettings) -> Self {
        let calls = Calls::new(origin)
            .with_limit(settings.max_calls)
            .with_any_source(settings.any_source)
            .with_first_interval(settings.first_interval);
        let table = Table { calls, rng, next_tick: None, wake_queue: WakeQueue::default(), is_closed: false };
        Self { table: Lock::new(table) }
    }

    /// Gives a call a slot and a message id.
    ///
    /// # Errors
    ///
    /// If the endpoint is closed or has as many calls in flight as it allows.
    pub(crate) fn start(&self, peer: SocketAddr, schedule: Schedule, waker: &Waker) -> Result<StartedCall, StartError> {
        let state = CallState::Pending { waker: waker.clone(), datagram: Vec::new() };
        let mut table = self.table.lock();
        if table.is_closed {
            drop(table);
            return Err(StartError::Closed);
        }
        let random = table.random();
        let id = table.calls.insert(peer, schedule, random, state).map_err(StartError::TooMany)?;
        let due = table.calls.due(&id);
        let wakes_driver = table.next_tick.is_none_or(|next_tick| due.is_some_and(|due| due < next_tick));
        if wakes_driver {
            table.next_tick = due;
        }
        Ok(StartedCall { id, wakes_driver, call_count: table.calls.len() })
    }

    /// Returns a message id for a oneway request.
    ///
    /// # Errors
    ///
    /// If the endpoint is closed.
    pub(crate) fn oneway_id(&self) -> Result<MessageId, StartError> {
        let mut table = self.table.lock();
        if table.is_closed {
            return Err(StartError::Closed);
        }
        Ok(MessageId::without_slot(table.random()))
    }

    /// Keeps a call's request for retransmission.
    pub(crate) fn keep(&self, id: &MessageId, datagram: Vec<u8>) {
        if let Some(CallState::Pending { datagram: kept, .. }) = self.table.lock().calls.data(id) {
            *kept = datagram;
        }
    }

    /// Returns the number of calls in the table.
    pub(crate) fn len(&self) -> usize {
        self.table.lock().calls.len()
    }

    /// Locks the table for a run of responses.
    pub(crate) fn lock_for_responses(&self) -> ResponseGuard<'_> {
        ResponseGuard { table: self.table.lock() }
    }

    /// Completes a call whose request the socket refused to send.
    pub(crate) fn complete_unsendable(&self, id: &MessageId, error: io::Error) {
        let mut table = self.table.lock();
        let waker = table.calls.data(id).and_then(|state| state.complete(Completion::Unsendable(error)));
        drop(table);
        wake(waker);
    }

    /// Takes the completion of a call and frees its slot. If the call is pending, registers
    /// `waker`.
    pub(crate) fn poll(&self, id: &MessageId, waker: &Waker) -> Poll<Completion> {
        let mut replacement = None;
        loop {
            let mut table = self.table.lock();
            // Only closing the endpoint removes the slot of a pending call.
            let Some(state) = table.calls.data(id) else { return Poll::Ready(Completion::Closed) };
            match state {
                CallState::Completed(_) => {}
                CallState::Pending { waker: known, .. } if known.will_wake(waker) => return Poll::Pending,
                CallState::Pending { waker: known, .. } => {
                    // Cloning and dropping a waker may run an executor's code: not under the lock.
                    if let Some(replacement) = replacement {
                        let replaced = mem::replace(known, replacement);
                        drop(table);
                        drop(replaced);
                        return Poll::Pending;
                    }
                    drop(table);
                    replacement = Some(waker.clone());
                    continue;
                }
            }
            let removed = table.calls.remove(id);
            let next = table.after_task();
            drop(table);
            self.wake_after_task(next);
            let Some(CallState::Completed(completion)) = removed else { unreachable!("a call that is not pending") };
            return Poll::Ready(completion);
        }
    }

    /// Frees a call's slot, completed or not.
    pub(crate) fn remove(&self, id: &MessageId) {
        let mut table = self.table.lock();
        let removed = table.calls.remove(id);
        let next = table.after_task();
        drop(table);
        drop(removed);
        self.wake_after_task(next);
    }

    /// Handles calls that are due, up to a limit: completes those that have timed out, and returns
    /// the requests to retransmit.
    pub(crate) fn tick(&self, now: Instant) -> DueWork {
        let mut wakers = Vec::new();
        let mut retransmissions = Vec::new();
        let mut table = self.table.lock();
        for _ in 0..Self::MAX_EVENTS {
            let random = table.rng.next_u32();
            match table.calls.poll(now, random) {
                Some(CallEvent::Retransmit { id, peer, data: CallState::Pending { datagram, .. } }) => {
                    // An empty datagram was not kept yet: the request is being sent for the first
                    // time.
                    if !datagram.is_empty() {
                        retransmissions.push((id, peer, datagram.clone()));
                    }
                }
                Some(CallEvent::Retransmit { .. }) => {}
                Some(CallEvent::TimedOut { data, .. }) => wakers.extend(data.complete(Completion::TimedOut)),
                None => break,
            }
        }
        table.next_tick = table.calls.next_poll();
        let next_tick = table.next_tick;
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
        DueWork { retransmissions, next_tick }
    }

    /// Returns the number of retransmissions that the retry budget withheld.
    pub(crate) fn withheld(&self) -> u64 {
        self.table.lock().calls.withheld()
    }

    /// Completes every call, and refuses new ones.
    pub(crate) fn close(&self) {
        let mut wakers = Vec::new();
        let mut table = self.table.lock();
        table.is_closed = true;
        table.calls.end_all(|state| wakers.extend(state.complete(Completion::Closed)));
        wakers.extend(table.wake_queue.take());
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Queues tasks that are woken one after another.
    pub(crate) fn queue_wakes(&self, completed: impl Iterator<Item = (MessageId, Waker)>) {
        self.table.lock().wake_queue.extend(completed);
    }

    /// Wakes the next queued task, on behalf of the driver. Returns whether there was one. `driver`
    /// is woken when its turn comes.
    pub(crate) fn wake_next(&self, driver: &Waker) -> bool {
        loop {
            let next = self.table.lock().after_driver(driver);
            match next {
                NextWake::None => return false,
                NextWake::Wake(waker) => {
                    waker.wake();
                    return true;
                }
                NextWake::Stale(_) => {}
            }
        }
    }

    /// Wakes all queued tasks at once.
    pub(crate) fn wake_all_queued(&self) {
        let left = self.table.lock().wake_queue.take();
        left.for_each(Waker::wake);
    }

    /// Wakes the task that is next after one that has taken its call's completion.
    fn wake_after_task(&self, mut next: NextWake) {
        while let NextWake::Stale(_) = next {
            next = self.table.lock().after_task();
        }
        if let NextWake::Wake(waker) = next {
            waker.wake();
        }
    }
}

/// The table of calls, locked while responses are matched.
pub(crate) struct ResponseGuard<'a> {
    table: MutexGuard<'a, Table>,
}

impl ResponseGuard<'_> {
    /// Completes the call that a response belongs to. Returns the waker of its task, which must be
    /// woken after the table is unlocked.
    ///
    /// # Errors
    ///
    /// The reason to drop the response.
    pub(crate) fn complete(
        &mut self,
        id: &MessageId,
        source: SocketAddr,
        completion: impl FnOnce() -> Completion,
    ) -> Result<Option<Waker>, DropReason> {
        Ok(self.table.calls.complete(id, source, now)?.complete(completion()))
    }

    /// Completes the call whose request the network could not deliver to `destination`.
    ///
    /// # Errors
    ///
    /// As for [`complete`](Self::complete).
    pub(crate) fn complete_unreachable(
        &mut self,
        id: &MessageId,
        destination: SocketAddr,
    ) -> Result<Option<Waker>, DropReason> {
        Ok(self.table.calls.unreachable(id, destination)?.complete(Completion::Unreachable))
    }

    /// Returns the number of calls in the table.
    pub(crate) fn call_count(&self) -> usize {
        self.table.calls.len()
    }

    /// Checks that a pending call with this id expects a response from `source`.
    ///
    /// # Errors
    ///
    /// The reason to drop the response.
    pub(crate) fn expects(&self, id: &MessageId, source: SocketAddr) -> Result<(), DropReason> {
        self.table.calls.expects(id, source)
    }
}

impl Table {
    fn random(&mut self) -> [u8; 16] {
        let mut random = [0; 16];
        self.rng.fill_bytes(&mut random);
        random
    }

    fn after_task(&mut self) -> NextWake {
        self.wake_queue.after_task(|id| matches!(self.calls.data(id), Some(CallState::Completed(_))))
    }

    fn after_driver(&mut self, driver: &Waker) -> NextWake {
        self.wake_queue.after_driver(driver, |id| matches!(self.calls.data(id), Some(CallState::Completed(_))))
    }
}

impl CallState {
    /// Completes the call if it is pending. Returns the waker of its task.
    fn complete(&mut self, completion: Completion) -> Option<Waker> {
        if matches!(self, Self::Completed(_)) {
            return None;
        }
        match mem::replace(self, Self::Completed(completion)) {
            Self::Pending { waker, .. } => Some(waker),
            Self::Completed(_) => None,
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
