mod backoff;
mod carried;
mod connections;
mod event;
mod multicast;
mod not_ready;
mod repeat;
mod retry_budget;
mod round_trips;
mod schedule;
mod slot;
mod too_many_calls;
mod wheel;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use slab::Slab;

use self::backoff::{INITIAL_INTERVAL, initial_interval, interval, running_interval};
pub use self::event::CallEvent;
use self::retry_budget::RetryBudget;
use self::round_trips::RoundTrips;
pub use self::schedule::Schedule;
use self::slot::{Slot, State};
pub use self::too_many_calls::TooManyCalls;
use self::wheel::{Tick, Timer, Wheel};
use crate::{DropReason, MessageId};

/// A table of calls in flight. It matches responses to calls, schedules retransmissions and
/// enforces deadlines.
///
/// The index of a call's slot is part of its message id, so a response is matched without a search.
/// The rest of the id is random. A response to an earlier call in the slot and a forged response
/// match no call. Slots and deadlines are in this one type: a call that has ended has no deadline.
/// Every operation takes constant time.
///
/// `T` is data that the owner stores with each call, for example a waker.
///
/// The order of use: [`insert`](Self::insert) before the request is sent. Then
/// [`complete`](Self::complete) for each response, and [`poll`](Self::poll) at the time that
/// [`next_poll`](Self::next_poll) returns, again and again until `poll` returns `None`. Finally
/// [`remove`](Self::remove), however the call ended.
///
/// `insert` returns the call's key, which is also the message id of its request. A call has another
/// message id only after [`renew`](Self::renew).
///
/// ```
/// use rpcudp_core::{CallEvent, Calls, Schedule};
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// let peer = "192.0.2.1:7000".parse()?;
/// let mut calls = Calls::new(now);
/// let schedule = Schedule { sent: now, deadline: now + Duration::from_secs(5), retransmits: false, waits_for_ready: false };
/// let id = calls.insert(peer, schedule, [7; 16], "completed")?;
/// let silent = calls.insert(peer, schedule, [8; 16], "silent")?;
///
/// assert_eq!(calls.complete(&id, peer, Duration::ZERO, || now), Ok(&mut "completed"));
/// assert!(calls.complete(&id, peer, Duration::ZERO, || now).is_err(), "a duplicate response");
/// let Some(CallEvent::TimedOut { key, .. }) = calls.poll(now + Duration::from_secs(5), 0) else { panic!() };
/// assert_eq!(key, silent);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Calls<T> {
    slots: Slab<Slot<T>>,
    wheel: Wheel,
    origin: Instant,
    limit: usize,
    any_source: bool,
    first_interval: Duration,
    round_trips: RoundTrips,
    /// The peer of the call that was completed last, until a report says that it is unreachable.
    last_responder: Option<SocketAddr>,
    retry_budget: RetryBudget,
    withheld: u64,
}

impl<T> Calls<T> {
    /// The default maximum number of calls in the table, a little over a million. Change it with
    /// [`with_limit`](Self::with_limit).
    pub const DEFAULT_LIMIT: usize = 1 << 20;

    /// Creates an empty table. `origin` must not be after any time that the table is used with.
    #[must_use]
    pub fn new(origin: Instant) -> Self {
        Self {
            slots: Slab::new(),
            wheel: Wheel::new(),
            origin,
            limit: Self::DEFAULT_LIMIT,
            any_source: false,
            first_interval: INITIAL_INTERVAL,
            round_trips: RoundTrips::new(),
            last_responder: None,
            retry_budget: RetryBudget::default(),
            withheld: 0,
        }
    }

    /// Sets the maximum number of calls in the table.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        // An index must fit into an id, and `u32::MAX` stands for no slot.
        self.limit = limit.min(u32::MAX as usize - 1);
        self
    }

    /// Sets whether responses are accepted from any address, instead of only from the address that
    /// was called. Enable it for peers that have several addresses and respond from another one.
    /// Default: no.
    ///
    /// Has no effect on a call to an address with a flow label. Addresses of datagrams have none
    /// here, so an owner can let such an address stand for a peer that is known by more than its
    /// address.
    #[must_use]
    pub fn with_any_source(mut self, any_source: bool) -> Self {
        self.any_source = any_source;
        self
    }

    /// Sets the time before the first retransmission to a peer without a round-trip estimate. Half
    /// of the call's timeout takes its place if that is less, but at least 50 ms. Default: 500 ms.
    #[must_use]
    pub fn with_first_interval(mut self, interval: Duration) -> Self {
        self.first_interval = interval;
        self
    }

    /// Returns the number of calls in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether the table is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Iterates over the peers of the calls that have not ended, one for each call.
    pub fn peers(&self) -> impl Iterator<Item = SocketAddr> {
        self.slots.iter().filter(|(_, slot)| slot.state != State::Ended).map(|(_, slot)| slot.peer)
    }

    /// Inserts a call to `peer` and returns its message id. `random` must be unpredictable: it
    /// prevents forged responses.
    ///
    /// # Errors
    ///
    /// Fails if the table is full.
    pub fn insert(
        &mut self,
        peer: SocketAddr,
        schedule: Schedule,
        random: [u8; 16],
        data: T,
    ) -> Result<MessageId, TooManyCalls> {
        let state = if schedule.retransmits { State::Retransmits } else { State::Once };
        self.insert_with_state(peer, schedule, random, state, data)
    }

    #[inline]
    fn insert_with_state(
        &mut self,
        peer: SocketAddr,
        schedule: Schedule,
        random: [u8; 16],
        state: State,
        data: T,
    ) -> Result<MessageId, TooManyCalls> {
        if self.slots.len() >= self.limit {
            return Err(TooManyCalls { limit: self.limit });
        }
        // Only a call that is retransmitted measures the round trip.
        let sent_micros = if schedule.retransmits { self.origin_micros(schedule.sent) } else { 0 };
        let vacant = self.slots.vacant_entry();
        let index = u32::try_from(vacant.key()).expect("the limit keeps indices below u32::MAX");
        let id = MessageId::with_slot(index, random);
        let Schedule { sent, deadline, retransmits, waits_for_ready } = schedule;
        let deadline = tick_after(self.origin, deadline);
        if retransmits {
            self.retry_budget.record_call(tick_after(self.origin, sent));
        }
        vacant.insert(Slot {
            deadline,
            timer: Timer::default(),
            peer,
            random,
            sent: sent_micros,
            state,
            retransmit_count: 0,
            renewal_count: 0,
            waits_for_ready,
            data,
        });
        let [a, b, c, d, ..] = random;
        self.schedule(index, sent, u32::from_le_bytes([a, b, c, d]));
        Ok(id)
    }

    /// Checks that a call in flight expects a response with this id from `source`.
    ///
    /// # Errors
    ///
    /// Returns the reason to drop the response: no call in flight has this id, or the call was made
    /// to another address.
    #[inline]
    pub fn expects(&self, id: &MessageId, source: SocketAddr) -> Result<(), DropReason> {
        let slot = self.slots.get(id.slot()).filter(|slot| slot.has_id(id) && slot.state != State::Ended);
        let slot = slot.ok_or(DropReason::UnmatchedResponse)?;
        // In this order, because most calls are made to one peer.
        let is_expected =
            slot.accepts(source) || slot.state == State::Multicast || (self.any_source && !slot.has_flow_label());
        if is_expected { Ok(()) } else { Err(DropReason::WrongSource) }
    }

    /// Whether the table has a call with this id, made to `source`. A response can come from
    /// another address only if [`with_any_source`](Self::with_any_source) allows it.
    #[must_use]
    pub fn was_made_to(&self, id: &MessageId, source: SocketAddr) -> bool {
        self.slots.get(id.slot()).is_some_and(|slot| slot.has_id(id) && slot.accepts(source))
    }

    /// Completes the call that a response from `source` belongs to. Its slot stays until
    /// [`remove`](Self::remove). A [multicast call](Self::insert_multicast) goes on.
    ///
    /// `handler_time` is the time that the peer spent on the request, if it reports it, else zero.
    /// It is not part of the round trip. Calls `now` only if the call is retransmitted.
    ///
    /// # Errors
    ///
    /// Returns the reason to drop the response, as [`expects`](Self::expects) does.
    pub fn complete(
        &mut self,
        id: &MessageId,
        source: SocketAddr,
        handler_time: Duration,
        now: impl FnOnce() -> Instant,
    ) -> Result<&mut T, DropReason> {
        self.expects(id, source)?;
        let slot = &self.slots[id.slot()];
        // A call that is running was retransmitted because of its handler, not of its path.
        if slot.state == State::Retransmits {
            let Slot { peer, sent, retransmit_count, .. } = *slot;
            let elapsed = Duration::from_micros(self.origin_micros(now()).wrapping_sub(sent).into());
            let elapsed = elapsed.saturating_sub(handler_time);
            if retransmit_count == 0 {
                self.round_trips.record(peer, elapsed);
            } else {
                self.round_trips.record_unmeasured(peer, elapsed);
            }
        }
        if slot.state == State::Multicast {
            return Ok(&mut self.slots[id.slot()].data);
        }
        self.last_responder = Some(source);
        Ok(self.end(id.slot()))
    }

    /// Records a response from `source` that matches no call, for the round-trip estimate: it may
    /// be a duplicate, caused by a needless retransmission.
    pub fn record_unmatched(&mut self, source: SocketAddr) {
        self.round_trips.record_duplicate(source);
    }

    /// Whether a call is retransmitted until its deadline.
    #[must_use]
    pub fn retransmits(&self, key: &MessageId) -> bool {
        let slot = self.slots.get(key.slot()).filter(|slot| slot.has_key(key));
        slot.is_some_and(|slot| {
            matches!(slot.state, State::Retransmits | State::Resumed | State::Running | State::Carried)
        })
    }

    /// Ends a call because `destination` is unreachable. Its slot stays until
    /// [`remove`](Self::remove). No report ends a [multicast call](Self::insert_multicast).
    ///
    /// # Errors
    ///
    /// Returns the reason to ignore the report, as [`expects`](Self::expects) does.
    pub fn unreachable(&mut self, id: &MessageId, destination: SocketAddr) -> Result<&mut T, DropReason> {
        self.expects(id, destination)?;
        if self.slots[id.slot()].state == State::Multicast {
            return Err(DropReason::UnmatchedResponse);
        }
        self.last_responder.take_if(|peer| *peer == destination);
        Ok(self.end(id.slot()))
    }

    /// Returns the peer of the call that was completed last. `None` if no call was, or if a report
    /// has ended a call to that peer since.
    ///
    /// ```
    /// # use rpcudp_core::Calls;
    /// # use std::time::Instant;
    /// assert_eq!(Calls::<()>::new(Instant::now()).last_responder(), None);
    /// ```
    #[must_use]
    pub fn last_responder(&self) -> Option<SocketAddr> {
        self.last_responder
    }

    /// Returns the owner's data of a call.
    pub fn data(&mut self, key: &MessageId) -> Option<&mut T> {
        self.slots.get_mut(key.slot()).filter(|slot| slot.has_key(key)).map(|slot| &mut slot.data)
    }

    /// Returns the message id that a call was last sent with.
    #[must_use]
    pub fn id(&self, key: &MessageId) -> Option<MessageId> {
        let slot = self.slots.get(key.slot()).filter(|slot| slot.has_key(key))?;
        Some(slot.id(key.slot() as u32))
    }

    /// Returns the key of the call that was last sent with this message id.
    #[must_use]
    pub fn key(&self, id: &MessageId) -> Option<MessageId> {
        let slot = self.slots.get(id.slot()).filter(|slot| slot.has_id(id))?;
        Some(if slot.renewal_count == 0 { *id } else { MessageId::with_slot(id.slot() as u32, slot.random) })
    }

    /// Returns how often a call's request was sent so far, at most: once, and once for each
    /// retransmission, including those that the retry budget withheld. Saturates at 256.
    #[must_use]
    pub fn transmission_count(&self, key: &MessageId) -> u32 {
        let slot = self.slots.get(key.slot()).filter(|slot| slot.has_key(key));
        slot.map_or(0, |slot| 1 + u32::from(slot.retransmit_count))
    }

    /// Removes a call and returns its data. A later response matches no call.
    pub fn remove(&mut self, key: &MessageId) -> Option<T> {
        self.data(key)?;
        self.wheel.clear(&mut self.slots, key.slot() as u32);
        Some(self.slots.remove(key.slot()).data)
    }

    /// Ends every call in flight and passes its data to `on_end`. The slots stay until
    /// [`remove`](Self::remove).
    pub fn end_all(&mut self, mut on_end: impl FnMut(&mut T)) {
        for index in 0..self.slots.capacity() {
            if self.slots.get(index).is_some_and(|slot| slot.state != State::Ended) {
                on_end(self.end(index));
            }
        }
    }

    /// Returns the next event that is due at `now`. `random` varies the intervals between
    /// retransmissions.
    pub fn poll(&mut self, now: Instant, random: u32) -> Option<CallEvent<'_, T>> {
        let now_tick = now.saturating_duration_since(self.origin).as_millis() as Tick;
        loop {
            let index = self.wheel.take_expired(&mut self.slots, now_tick)?;
            let slot = &mut self.slots[index as usize];
            let key = MessageId::with_slot(index, slot.random);
            if slot.deadline <= now_tick {
                slot.state = State::Ended;
                return Some(CallEvent::TimedOut { key, data: &mut self.slots[index as usize].data });
            }
            slot.retransmit_count = slot.retransmit_count.saturating_add(1);
            self.schedule(index, now, random);
            if self.retry_budget.try_retransmit(now_tick) {
                let slot = &mut self.slots[index as usize];
                return Some(CallEvent::Retransmit { key, id: slot.id(index), peer: slot.peer, data: &mut slot.data });
            }
            self.withheld += 1;
        }
    }

    /// Returns the time of a call's next retransmission or, if that comes first, of its deadline.
    /// `None` if the call has ended or its event is due already. After [`insert`](Self::insert), an
    /// owner that knows the previous [`next_poll`](Self::next_poll) needs no more than this time to
    /// update it.
    #[must_use]
    pub fn due(&self, key: &MessageId) -> Option<Instant> {
        let tick = self.slots.get(key.slot()).filter(|slot| slot.has_key(key))?.timer.tick()?;
        Some(self.origin + Duration::from_millis(tick))
    }

    /// Returns the smoothed round trip to a peer, measured from retransmitted methods. `None` if
    /// there is no measurement, or if it was evicted by 1,024 other peers.
    #[must_use]
    pub fn round_trip(&self, peer: SocketAddr) -> Option<Duration> {
        self.round_trips.smoothed(peer)
    }

    /// Returns the number of retransmissions that the retry budget withheld.
    #[must_use]
    pub fn withheld(&self) -> u64 {
        self.withheld
    }

    /// Returns the time of the next [`poll`](Self::poll), which is never late and sometimes early.
    /// `None` if no call is in flight.
    #[must_use]
    pub fn next_poll(&self) -> Option<Instant> {
        self.wheel.next_tick().map(|tick| self.origin + Duration::from_millis(tick))
    }

    /// Ends a call in flight.
    fn end(&mut self, index: usize) -> &mut T {
        self.wheel.clear(&mut self.slots, index as u32);
        let slot = &mut self.slots[index];
        slot.state = State::Ended;
        &mut slot.data
    }

    /// Sets the timer to the next retransmission or, if that comes first, to the deadline.
    fn schedule(&mut self, index: u32, now: Instant, random: u32) {
        let Slot { state, peer, retransmit_count, deadline, sent, .. } = self.slots[index as usize];
        match state {
            State::Retransmits | State::Resumed | State::Running | State::Carried => {
                let end = self.origin + Duration::from_millis(deadline);
                let remaining = end.saturating_duration_since(now);
                let elapsed = Duration::from_micros(self.origin_micros(now).wrapping_sub(sent).into());
                let initial = initial_interval(self.first_interval, remaining.saturating_add(elapsed));
                let (first, minimum) = self.round_trips.timeout(peer, initial);
                let interval = match state {
                    State::Running | State::Carried => running_interval(first, remaining, random),
                    _ => interval(first, minimum, retransmit_count, remaining, random),
                };
                self.schedule_after(index, now, interval);
            }
            State::Once | State::Multicast | State::Ended => {
                self.wheel.set(&mut self.slots, index, deadline);
            }
        }
    }

    /// Sets the timer to `interval` after `now` or, if that comes first, to the deadline.
    fn schedule_after(&mut self, index: u32, now: Instant, interval: Duration) {
        let deadline = self.slots[index as usize].deadline;
        let tick = now.checked_add(interval).map_or(deadline, |at| tick_after(self.origin, at).min(deadline));
        self.wheel.clear(&mut self.slots, index);
        self.wheel.set(&mut self.slots, index, tick);
    }

    fn origin_micros(&self, at: Instant) -> u32 {
        at.saturating_duration_since(self.origin).as_micros() as u32
    }
}

/// Returns the first tick that is not before `at`. A timer is never early, and late by at most a
/// millisecond.
fn tick_after(origin: Instant, at: Instant) -> Tick {
    let elapsed = at.saturating_duration_since(origin);
    // In two parts, because the division of 128-bit nanoseconds takes a subroutine.
    elapsed.as_secs().saturating_mul(1_000).saturating_add(elapsed.subsec_nanos().div_ceil(1_000_000).into())
}

#[cfg(test)]
mod tests;
