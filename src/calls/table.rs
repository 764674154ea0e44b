use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Instant;
use std::{io, mem};

use rand::Rng;
use rand::rngs::StdRng;
use rpcudp_core::{CallEvent, Calls, DropReason, FailureCode, MessageId, Schedule, TooManyCalls};

use crate::calls::response_body::Body;
use crate::calls::wake_queue::{Line, Next};
use crate::endpoint::config::Config;
use crate::endpoint::shared::now;

/// The calls of an endpoint that wait for answers, and the randomness of their ids.
#[derive(Debug)]
// Where it begins within a cache line is otherwise the allocator's to say, and so is whether its lock takes what others read away
// from them: up to a twentieth of all calls, from one build to another.
#[repr(align(128))]
pub(crate) struct WaitingCalls {
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    calls: Calls<Progress>,
    rng: StdRng,
    /// When the driver will look next.
    armed: Option<Instant>,
    /// Those whose calls have ended and who are not woken yet.
    line: Line,
    closed: bool,
}

/// What is kept with a call.
#[derive(Debug)]
enum Progress {
    Waits {
        waker: Waker,
        /// The request, where it may have to be sent again.
        datagram: Vec<u8>,
    },
    Ended(Outcome),
}

/// How a call ended, as far as the endpoint knows.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// With a value, not decoded yet.
    Answered(Body),
    /// With a failure frame.
    Failed(Box<Failed>),
    /// Without an answer in time.
    TimedOut,
    /// The network says that nobody is there.
    Unreachable,
    /// The socket would not send it after all.
    Unsendable(io::Error),
    /// The endpoint closed.
    Closed,
}

/// What a failure frame said.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) code: FailureCode,
    pub(crate) message: Box<str>,
    pub(crate) detail: Option<Vec<u8>>,
}

/// Why a call could not be started.
#[derive(Debug)]
pub(crate) enum NotStarted {
    Closed,
    TooMany(TooManyCalls),
}

/// A call that has a slot and may be sent.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) id: MessageId,
    /// Whether it is to be looked after earlier than the driver would look.
    pub(crate) wakes_driver: bool,
    /// How many calls have a slot, this one included.
    pub(crate) count: usize,
}

/// What time called for.
#[derive(Debug)]
pub(crate) struct Tick {
    /// Requests that are to be sent again, and where to.
    pub(crate) resends: Vec<(MessageId, SocketAddr, Vec<u8>)>,
    /// When to come back; not after now where there is more to do.
    pub(crate) next: Option<Instant>,
}

impl WaitingCalls {
    /// How many calls are looked after before others get at the table, and their tasks to run: a million may end at once.
    const MAX_EVENTS: usize = 1_024;

    pub(crate) fn new(origin: Instant, rng: StdRng, config: &Config) -> Self {
        let calls = Calls::new(origin)
            .with_limit(config.max_calls)
            .with_any_source(config.any_source)
            .with_first_interval(config.first_interval);
        Self { table: Mutex::new(Table { calls, rng, armed: None, line: Line::default(), closed: false }) }
    }

    /// Gives a call a slot.
    ///
    /// # Errors
    ///
    /// Where the endpoint is closed, or as many calls wait as it allows.
    pub(crate) fn start(&self, peer: SocketAddr, schedule: Schedule, waker: &Waker) -> Result<Started, NotStarted> {
        let waits = Progress::Waits { waker: waker.clone(), datagram: Vec::new() };
        let mut table = self.lock();
        if table.closed {
            drop(table);
            return Err(NotStarted::Closed);
        }
        let random = table.random();
        let id = table.calls.insert(peer, schedule, random, waits).map_err(NotStarted::TooMany)?;
        let due = table.calls.due(&id);
        let wakes_driver = table.armed.is_none_or(|armed| due.is_some_and(|due| due < armed));
        if wakes_driver {
            table.armed = due;
        }
        Ok(Started { id, wakes_driver, count: table.calls.len() })
    }

    /// An id for a request that is not answered.
    ///
    /// # Errors
    ///
    /// Where the endpoint is closed.
    pub(crate) fn oneway_id(&self) -> Result<MessageId, NotStarted> {
        let mut table = self.lock();
        if table.closed {
            return Err(NotStarted::Closed);
        }
        Ok(MessageId::without_slot(table.random()))
    }

    /// Keeps a call's request for sending it again.
    pub(crate) fn keep(&self, id: &MessageId, datagram: Vec<u8>) {
        if let Some(Progress::Waits { datagram: kept, .. }) = self.lock().calls.data(id) {
            *kept = datagram;
        }
    }

    /// How many calls have a slot.
    pub(crate) fn len(&self) -> usize {
        self.lock().calls.len()
    }

    /// Takes answers, as many as come one after the other. Nobody else gets at the table meanwhile.
    pub(crate) fn answers(&self) -> Answers<'_> {
        Answers { table: self.lock() }
    }

    /// Ends a call whose request could not be sent.
    pub(crate) fn unsendable(&self, id: &MessageId, error: io::Error) {
        let mut table = self.lock();
        let waker = table.calls.data(id).and_then(|progress| progress.end(Outcome::Unsendable(error)));
        drop(table);
        wake(waker);
    }

    /// How a call ended, if it did: its slot is free then. If not, `waker` is woken when it has.
    pub(crate) fn poll(&self, id: &MessageId, waker: &Waker) -> Poll<Outcome> {
        let mut replacement = None;
        loop {
            let mut table = self.lock();
            // Without a slot there is nothing to wait for: only the driver's end takes slots away from calls.
            let Some(progress) = table.calls.data(id) else { return Poll::Ready(Outcome::Closed) };
            match progress {
                Progress::Ended(_) => {}
                Progress::Waits { waker: known, .. } if known.will_wake(waker) => return Poll::Pending,
                Progress::Waits { waker: known, .. } => {
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
            self.pass_on(next);
            let Some(Progress::Ended(outcome)) = removed else { unreachable!("a call that does not wait has ended") };
            return Poll::Ready(outcome);
        }
    }

    /// Frees a call's slot, whether or not it has ended.
    pub(crate) fn remove(&self, id: &MessageId) {
        let mut table = self.lock();
        let removed = table.calls.remove(id);
        let next = table.after_task();
        drop(table);
        drop(removed);
        self.pass_on(next);
    }

    /// Does some of what time calls for: ends calls whose time is up, and shows the requests that are to be sent again.
    pub(crate) fn tick(&self, now: Instant) -> Tick {
        let mut wakers = Vec::new();
        let mut resends = Vec::new();
        let mut table = self.lock();
        for _ in 0..Self::MAX_EVENTS {
            let random = table.rng.next_u32();
            match table.calls.poll(now, random) {
                Some(CallEvent::Retransmit { id, peer, data: Progress::Waits { datagram, .. } }) => {
                    // One that was not kept yet is just being sent for the first time.
                    if !datagram.is_empty() {
                        resends.push((id, peer, datagram.clone()));
                    }
                }
                Some(CallEvent::Retransmit { .. }) => {}
                Some(CallEvent::TimedOut { data, .. }) => wakers.extend(data.end(Outcome::TimedOut)),
                None => break,
            }
        }
        table.armed = table.calls.next_poll();
        let next = table.armed;
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
        Tick { resends, next }
    }

    /// How many resends were left out because calls were sent again too often altogether.
    pub(crate) fn withheld(&self) -> u64 {
        self.lock().calls.withheld()
    }

    /// Ends every call, and lets none start any more.
    pub(crate) fn close(&self) {
        let mut wakers = Vec::new();
        let mut table = self.lock();
        table.closed = true;
        table.calls.end_all(|progress| wakers.extend(progress.end(Outcome::Closed)));
        wakers.extend(table.line.take());
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // No code of a user's runs while it is held, an executor's wakers included.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitingCalls {
    /// Has tasks wait in line to be woken one after the other.
    pub(crate) fn line_up(&self, ended: impl Iterator<Item = (MessageId, Waker)>) {
        self.lock().line.extend(ended);
    }

    /// Wakes the next in line, if there is one; `driver` is woken in its turn.
    pub(crate) fn wake_next(&self, driver: &Waker) -> bool {
        loop {
            let next = self.lock().after_driver(driver);
            match next {
                Next::Nobody => return false,
                Next::Wakes(waker) => {
                    waker.wake();
                    return true;
                }
                Next::Gone(_) => {}
            }
        }
    }

    /// Wakes all that are left in line.
    pub(crate) fn release(&self) {
        let left = self.lock().line.take();
        left.for_each(Waker::wake);
    }

    /// Wakes the one after a task that has its call's end.
    fn pass_on(&self, mut next: Next) {
        while let Next::Gone(_) = next {
            next = self.lock().after_task();
        }
        if let Next::Wakes(waker) = next {
            waker.wake();
        }
    }
}

impl Table {
    /// Who is woken by a task that has its call's end.
    fn after_task(&mut self) -> Next {
        self.line.after_task(|id| matches!(self.calls.data(id), Some(Progress::Ended(_))))
    }

    fn after_driver(&mut self, driver: &Waker) -> Next {
        self.line.after_driver(driver, |id| matches!(self.calls.data(id), Some(Progress::Ended(_))))
    }
}

/// The table of waiting calls, held while answers are taken.
pub(crate) struct Answers<'a> {
    table: MutexGuard<'a, Table>,
}

impl Answers<'_> {
    /// Ends the call that an answer belongs to. Whoever waits for it is to be woken when the table is free again.
    ///
    /// # Errors
    ///
    /// The reason to drop the answer.
    pub(crate) fn take(
        &mut self,
        id: &MessageId,
        source: SocketAddr,
        outcome: impl FnOnce() -> Outcome,
    ) -> Result<Option<Waker>, DropReason> {
        Ok(self.table.calls.complete(id, source, now)?.end(outcome()))
    }

    /// Ends the call whose request came back from `destination`.
    ///
    /// # Errors
    ///
    /// As for [`take`](Self::take).
    pub(crate) fn unreachable(&mut self, id: &MessageId, destination: SocketAddr) -> Result<Option<Waker>, DropReason> {
        Ok(self.table.calls.unreachable(id, destination)?.end(Outcome::Unreachable))
    }

    /// How many calls have a slot.
    pub(crate) fn slot_count(&self) -> usize {
        self.table.calls.len()
    }

    /// Whether a call waits for an answer with this id from `source`.
    ///
    /// # Errors
    ///
    /// The reason to drop the answer.
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
}

impl Progress {
    /// Ends the call, if it has not ended, and gives the waker of whoever waits for it.
    fn end(&mut self, outcome: Outcome) -> Option<Waker> {
        if matches!(self, Self::Ended(_)) {
            return None;
        }
        match mem::replace(self, Self::Ended(outcome)) {
            Self::Waits { waker, .. } => Some(waker),
            Self::Ended(_) => None,
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
