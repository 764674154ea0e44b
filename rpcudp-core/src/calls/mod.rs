mod backoff;
mod event;
mod retry_budget;
mod round_trips;
mod slot;
mod wheel;

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use slab::Slab;

use self::backoff::{FIRST_INTERVAL, interval};
pub use self::event::CallEvent;
use self::retry_budget::RetryBudget;
use self::round_trips::RoundTrips;
use self::slot::Slot;
use self::wheel::{Tick, Timer, Wheel};
use crate::{DropReason, MessageId};

/// The calls that an endpoint has made and that are not over: which answer belongs to which, and when to give up.
///
/// A call's slot is part of its message id, so that an answer is matched without a search; the rest of the id is
/// random, so that an answer to an earlier owner of the slot, or a forged one, matches nothing. Slots and deadlines
/// live in this one type: a call that is over has neither. Every operation takes constant time.
///
/// `T` is what the owner keeps with each call, for example what to wake.
///
/// The order of use: [`insert`](Self::insert) before the request is sent. Then [`complete`](Self::complete) when an
/// answer arrives, and [`poll`](Self::poll) at the time that [`next_poll`](Self::next_poll) names, as long as it gives
/// something. [`remove`](Self::remove) when nobody is interested any more, whatever has happened.
///
/// ```
/// use rpcudp_core::{CallEvent, Calls, Schedule};
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// let peer = "192.0.2.1:7000".parse()?;
/// let mut calls = Calls::new(now);
/// let schedule = Schedule { sent: now, deadline: now + Duration::from_secs(5), retransmits: false };
/// let id = calls.insert(peer, schedule, [7; 16], "answered")?;
/// let late = calls.insert(peer, schedule, [8; 16], "silent")?;
///
/// assert_eq!(calls.complete(&id, peer, || now), Ok(&mut "answered"));
/// assert!(calls.complete(&id, peer, || now).is_err(), "a copy of the answer");
/// let Some(CallEvent::TimedOut { id, .. }) = calls.poll(now + Duration::from_secs(5), 0) else { panic!() };
/// assert_eq!(id, late);
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
    retry_budget: RetryBudget,
    withheld: u64,
}

/// When a call is sent again, and when it is given up.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Now: when the request is sent.
    pub sent: Instant,
    /// When the call ends without an answer.
    pub deadline: Instant,
    /// Whether the request is sent again until then, where no answer comes.
    pub retransmits: bool,
}

/// As many calls wait for answers as the table allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyCalls {
    /// How many that is.
    pub limit: usize,
}

impl fmt::Display for TooManyCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls wait for answers already", self.limit)
    }
}

impl std::error::Error for TooManyCalls {}

impl<T> Calls<T> {
    /// How many calls may wait at once unless [`with_limit`](Self::with_limit) says otherwise: a little over a
    /// million.
    pub const DEFAULT_LIMIT: usize = 1 << 20;

    /// An empty table; `origin` is a time before any that it will be told of.
    #[must_use]
    pub fn new(origin: Instant) -> Self {
        Self {
            slots: Slab::new(),
            wheel: Wheel::new(),
            origin,
            limit: Self::DEFAULT_LIMIT,
            any_source: false,
            first_interval: FIRST_INTERVAL,
            round_trips: RoundTrips::new(),
            retry_budget: RetryBudget::default(),
            withheld: 0,
        }
    }

    /// Allows this many calls at once.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        // An index has to fit into an id, and the last one is no slot's.
        self.limit = limit.min(u32::MAX as usize - 1);
        self
    }

    /// Takes answers from any address instead of only from the one that was called: for peers that have several
    /// addresses and answer from another.
    #[must_use]
    pub fn with_any_source(mut self, any_source: bool) -> Self {
        self.any_source = any_source;
        self
    }

    /// How long to wait before a request is sent again to a peer that nothing is known of. Default: 250 ms.
    #[must_use]
    pub fn with_first_interval(mut self, interval: Duration) -> Self {
        self.first_interval = interval;
        self
    }

    /// How many calls have a slot.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no call has a slot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Gives a call to `peer` a slot. `random` must be unpredictable: it is what keeps answers from being forged.
    ///
    /// # Errors
    ///
    /// Where as many calls have a slot as the table allows.
    pub fn insert(
        &mut self,
        peer: SocketAddr,
        schedule: Schedule,
        random: [u8; 16],
        data: T,
    ) -> Result<MessageId, TooManyCalls> {
        if self.slots.len() >= self.limit {
            return Err(TooManyCalls { limit: self.limit });
        }
        let sent_micros = self.origin_micros(schedule.sent);
        let vacant = self.slots.vacant_entry();
        let index = u32::try_from(vacant.key()).expect("the limit keeps indices below u32::MAX");
        let id = MessageId::with_slot(index, random);
        let Schedule { sent, deadline, retransmits } = schedule;
        let deadline = tick_after(self.origin, deadline);
        if retransmits {
            self.retry_budget.call(tick_after(self.origin, sent));
        }
        vacant.insert(Slot {
            deadline,
            timer: Timer::default(),
            peer,
            random,
            sent: sent_micros,
            retransmits,
            retransmit_count: 0,
            over: false,
            data,
        });
        let [a, b, c, d, ..] = random;
        self.schedule(index, sent, u32::from_le_bytes([a, b, c, d]));
        Ok(id)
    }

    /// Whether a call waits for an answer with this id from `source`: all that needs be known of one to drop it.
    ///
    /// # Errors
    ///
    /// The reason to drop the answer: no call with that id waits, or it was made to another address.
    pub fn expects(&self, id: &MessageId, source: SocketAddr) -> Result<(), DropReason> {
        let slot = self.slots.get(id.slot()).filter(|slot| slot.has(id) && !slot.over);
        let slot = slot.ok_or(DropReason::UnmatchedResponse)?;
        if self.any_source || slot.accepts(source) { Ok(()) } else { Err(DropReason::WrongSource) }
    }

    /// Finds the call that an answer from `source` belongs to and ends it. Its slot stays until it is removed.
    ///
    /// `now` is asked for the time if the answer tells how long the peer takes.
    ///
    /// # Errors
    ///
    /// The reason to drop the answer, as [`expects`](Self::expects) says it.
    pub fn complete(
        &mut self,
        id: &MessageId,
        source: SocketAddr,
        now: impl FnOnce() -> Instant,
    ) -> Result<&mut T, DropReason> {
        self.expects(id, source)?;
        let Slot { peer, sent, retransmits, retransmit_count, .. } = self.slots[id.slot()];
        if retransmits && retransmit_count == 0 {
            let took = self.origin_micros(now()).wrapping_sub(sent);
            self.round_trips.measured(peer, Duration::from_micros(took.into()));
        }
        Ok(self.end(id.slot()))
    }

    /// Ends a call whose request came back: nobody is at `destination`. Its slot stays until it is removed.
    ///
    /// # Errors
    ///
    /// As for [`complete`](Self::complete).
    pub fn unreachable(&mut self, id: &MessageId, destination: SocketAddr) -> Result<&mut T, DropReason> {
        self.expects(id, destination)?;
        Ok(self.end(id.slot()))
    }

    /// What the owner keeps with a call.
    pub fn data(&mut self, id: &MessageId) -> Option<&mut T> {
        self.slots.get_mut(id.slot()).filter(|slot| slot.has(id)).map(|slot| &mut slot.data)
    }

    /// Frees a call's slot: an answer that comes later matches nothing.
    pub fn remove(&mut self, id: &MessageId) -> Option<T> {
        self.data(id)?;
        self.wheel.clear(&mut self.slots, id.slot() as u32);
        Some(self.slots.remove(id.slot()).data)
    }

    /// Ends every call that waits, and shows what the owner keeps with each. The slots stay until they are removed.
    pub fn end_all(&mut self, mut ended: impl FnMut(&mut T)) {
        for index in 0..self.slots.capacity() {
            if self.slots.get(index).is_some_and(|slot| !slot.over) {
                ended(self.end(index));
            }
        }
    }

    /// The next thing that has become due. `random` varies the intervals between resends.
    pub fn poll(&mut self, now: Instant, random: u32) -> Option<CallEvent<'_, T>> {
        let due = now.saturating_duration_since(self.origin).as_millis() as Tick;
        loop {
            let index = self.wheel.take_due(&mut self.slots, due)?;
            let slot = &mut self.slots[index as usize];
            if slot.deadline <= due {
                slot.over = true;
                let Slot { random, data, .. } = &mut self.slots[index as usize];
                return Some(CallEvent::TimedOut { id: MessageId::with_slot(index, *random), data });
            }
            slot.retransmit_count = slot.retransmit_count.saturating_add(1);
            self.schedule(index, now, random);
            if self.retry_budget.retransmit(due) {
                let Slot { random, peer, data, .. } = &mut self.slots[index as usize];
                return Some(CallEvent::Retransmit { id: MessageId::with_slot(index, *random), peer: *peer, data });
            }
            self.withheld += 1;
        }
    }

    /// When a call is due that waits: when it is sent again next, or given up. `None` where it is over or due already. Whoever
    /// knows when the others are polled next need look at nothing else where a call begins.
    #[must_use]
    pub fn due(&self, id: &MessageId) -> Option<Instant> {
        let tick = self.slots.get(id.slot()).filter(|slot| slot.has(id))?.timer.tick()?;
        Some(self.origin + Duration::from_millis(tick))
    }

    /// How many resends were left out because calls were sent again too often altogether.
    #[must_use]
    pub fn withheld(&self) -> u64 {
        self.withheld
    }

    /// When to [`poll`](Self::poll) next: never late, sometimes early. `None` while no call waits.
    #[must_use]
    pub fn next_poll(&self) -> Option<Instant> {
        self.wheel.next_tick().map(|tick| self.origin + Duration::from_millis(tick))
    }

    /// Ends a call that is not over.
    fn end(&mut self, index: usize) -> &mut T {
        self.wheel.clear(&mut self.slots, index as u32);
        let slot = &mut self.slots[index];
        slot.over = true;
        &mut slot.data
    }

    /// Sets the timer to the next resend or, if that comes first, to the deadline.
    fn schedule(&mut self, index: u32, now: Instant, random: u32) {
        let slot = &self.slots[index as usize];
        let resend = slot.retransmits.then(|| {
            let first = self.round_trips.timeout(slot.peer).unwrap_or(self.first_interval);
            now.checked_add(interval(first, slot.retransmit_count, random)).map(|at| tick_after(self.origin, at))
        });
        let tick = resend.flatten().map_or(slot.deadline, |resend| resend.min(slot.deadline));
        self.wheel.set(&mut self.slots, index, tick);
    }

    fn origin_micros(&self, at: Instant) -> u32 {
        at.saturating_duration_since(self.origin).as_micros() as u32
    }
}

/// The first tick that is not before `at`: a timer may be late by a millisecond, and is never early.
fn tick_after(origin: Instant, at: Instant) -> Tick {
    let elapsed = at.saturating_duration_since(origin);
    // In two parts: nanoseconds would be a number of 128 bits, and dividing one takes a subroutine.
    elapsed.as_secs().saturating_mul(1_000).saturating_add(elapsed.subsec_nanos().div_ceil(1_000_000).into())
}

#[cfg(test)]
mod tests;
