use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};
use std::{io, mem};

use rand::Rng;
use rand::rngs::StdRng;
use rpcudp_core::{CallEvent, Calls, MessageId, Request, Schedule};

use super::completion::{Completion, Setback, StartError, is_transient};
use super::response_guard::ResponseGuard;
use super::table::{CallState, Table};
use super::wake_queue::{NextWake, WakeQueue};
use crate::lock::Lock;

/// The table of an endpoint's calls in flight, with the random source of their message ids.
#[derive(Debug)]
// Alignment to cache lines keeps the lock away from data that other threads read. Without it, the
// allocator decides, and up to a twentieth of the throughput differs from one build to the next.
#[repr(align(128))]
pub(crate) struct InFlightCalls {
    pub(super) table: Lock<Table>,
}

/// The settings of calls, from the builder.
#[derive(Clone, Debug)]
pub(crate) struct CallSettings {
    pub(crate) max_calls: usize,
    pub(crate) any_source: bool,
    pub(crate) first_interval: Duration,
    /// Whether the peer of a call that is dropped is sent a cancel frame.
    pub(crate) sends_cancels: bool,
}

/// A call that has a slot in the table and may be sent.
#[derive(Debug)]
pub(crate) struct StartedCall {
    /// The key of the call, and the message id of its request.
    pub(crate) key: MessageId,
    /// Whether the driver must be woken, because this call is due before the driver's next look.
    pub(crate) wakes_driver: bool,
    /// The number of calls in the table, this one included.
    pub(crate) call_count: usize,
}

/// A request to send again.
#[derive(Debug)]
pub(crate) struct Retransmission {
    pub(crate) key: MessageId,
    pub(crate) peer: SocketAddr,
    pub(crate) datagram: Vec<u8>,
}

/// The work that has become due.
#[derive(Debug)]
pub(crate) struct DueWork {
    pub(crate) retransmissions: Vec<Retransmission>,
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
        let table = Table {
            calls,
            rng,
            next_tick: None,
            wake_queue: WakeQueue::default(),
            setbacks: BTreeMap::new(),
            is_closed: false,
        };
        Self { table: Lock::new(table) }
    }

    /// Gives a call a slot and a message id.
    ///
    /// # Errors
    ///
    /// If the endpoint is closed or has as many calls in flight as it allows.
    pub(crate) fn start(&self, peer: SocketAddr, schedule: Schedule, waker: &Waker) -> Result<StartedCall, StartError> {
        let state = CallState::Pending { waker: waker.clone(), datagram: Vec::new(), is_watched: false };
        let mut table = self.table.lock();
        if table.is_closed {
            drop(table);
            return Err(StartError::Closed);
        }
        let random = table.random();
        let key = table.calls.insert(peer, schedule, random, state).map_err(StartError::TooMany)?;
        // Most calls are sent once, so that they are due at their deadline, which is late.
        let is_due_later = !schedule.retransmits && table.next_tick.is_some_and(|next| schedule.deadline >= next);
        let wakes_driver = !is_due_later && table.is_due_earlier(&key);
        Ok(StartedCall { key, wakes_driver, call_count: table.calls.len() })
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

    /// Returns the number of calls in the table.
    pub(crate) fn len(&self) -> usize {
        self.table.lock().calls.len()
    }

    /// Locks the table for a run of responses.
    pub(crate) fn lock_for_responses(&self) -> ResponseGuard<'_> {
        ResponseGuard::new(self.table.lock())
    }

    /// Records that the socket refused to send a call's request. Ends the call, unless it is
    /// retransmitted and the error may pass: then the datagram counts as lost.
    pub(crate) fn record_send_error(&self, key: &MessageId, error: io::Error) {
        let mut table = self.table.lock();
        if table.calls.retransmits(key) && (is_transient(&error) || error.kind() == io::ErrorKind::WouldBlock) {
            table.setbacks.insert(*key, Setback::NotSent(error));
            return;
        }
        let waker = table
            .calls
            .data(key)
            .and_then(|state| state.complete(Completion::Unsendable { error, request: Vec::new() }));
        drop(table);
        wake(waker);
    }

    /// Takes the completion of a call, with the number of its transmissions, and frees its slot. If
    /// the call is pending, registers `waker`.
    pub(crate) fn poll(&self, key: &MessageId, waker: &Waker) -> Poll<(Completion, u32)> {
        let mut replacement = None;
        loop {
            let mut table = self.table.lock();
            // Only closing the endpoint removes the slot of a pending call.
            let Some(state) = table.calls.data(key) else { return Poll::Ready((Completion::Closed, 1)) };
            match state {
                CallState::Completed(_) => {}
                CallState::Multicast(_) => unreachable!("`poll_multicast` polls it"),
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
            let transmission_count = table.calls.transmission_count(key);
            let removed = table.remove(key);
            let next = table.after_task();
            drop(table);
            self.wake_after_task(next);
            let Some(CallState::Completed(completion)) = removed else { unreachable!("a call that is not pending") };
            return Poll::Ready((completion, transmission_count));
        }
    }

    /// Frees a call's slot. Returns the message id that a pending call was last sent with, and
    /// `None` for a completed one.
    pub(crate) fn remove(&self, key: &MessageId) -> Option<MessageId> {
        let mut table = self.table.lock();
        let id = table.calls.id(key);
        let removed = table.remove(key);
        let next = table.after_task();
        drop(table);
        let pending = id.filter(|_| removed.as_ref().is_some_and(CallState::is_pending));
        drop(removed);
        self.wake_after_task(next);
        pending
    }

    /// Handles calls that are due, up to a limit: completes those that have timed out, and returns
    /// the requests to retransmit.
    pub(crate) fn tick(&self, now: Instant) -> DueWork {
        let mut wakers = Vec::new();
        let mut retransmissions = Vec::new();
        let mut guard = self.table.lock();
        let table = &mut *guard;
        for _ in 0..Self::MAX_EVENTS {
            let random = table.rng.next_u32();
            match table.calls.poll(now, random) {
                Some(CallEvent::Retransmit {
                    key,
                    id,
                    peer,
                    data: CallState::Pending { datagram, is_watched, .. },
                }) => {
                    // An empty datagram was not kept yet: the request is being sent for the first
                    // time.
                    if !datagram.is_empty() {
                        Request::set_id(datagram, id);
                        retransmissions.push(Retransmission { key, peer, datagram: datagram.clone() });
                    }
                    if *is_watched && table.is_silent(&key) {
                        wakers.extend(table.take_waker(&key));
                    }
                }
                Some(CallEvent::Retransmit { .. }) => {}
                Some(CallEvent::TimedOut { key, data }) => {
                    let setback = if table.setbacks.is_empty() { None } else { table.setbacks.remove(&key) };
                    wakers.extend(data.complete(setback.map_or(Completion::TimedOut(None), Setback::into_completion)));
                }
                None => break,
            }
        }
        table.next_tick = table.calls.next_poll();
        let next_tick = table.next_tick;
        drop(guard);
        wakers.into_iter().for_each(Waker::wake);
        DueWork { retransmissions, next_tick }
    }

    /// Returns the time of the driver's next look at the table, which is not later than the first
    /// call that is due.
    pub(crate) fn next_tick(&self) -> Option<Instant> {
        self.table.lock().next_tick
    }

    /// Returns the peer of the call that was completed last, unless it is unreachable since.
    pub(crate) fn last_responder(&self) -> Option<SocketAddr> {
        self.table.lock().calls.last_responder()
    }

    /// Returns the smoothed round trip to a peer.
    pub(crate) fn round_trip(&self, peer: SocketAddr) -> Option<Duration> {
        self.table.lock().calls.round_trip(peer)
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
        table.setbacks.clear();
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

    /// Wakes up to `count` queued tasks at once. Returns whether tasks are left.
    pub(crate) fn wake_queued(&self, count: usize) -> bool {
        let mut table = self.table.lock();
        let wakers = table.wake_queue.take_some(count);
        let are_left = !table.wake_queue.is_empty();
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
        are_left
    }

    /// Wakes the task that is next after one that has taken its call's completion.
    pub(super) fn wake_after_task(&self, mut next: NextWake) {
        while let NextWake::Stale(_) = next {
            next = self.table.lock().after_task();
        }
        if let NextWake::Wake(waker) = next {
            waker.wake();
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
