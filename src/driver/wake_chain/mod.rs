//! How the tasks are woken whose calls have ended together.
//!
//! Woken all at once, they fill the queue of the worker that the driver runs on, and tokio wakes another worker to share it.
//! Where the tasks have little to do, that is a bad bargain: waking a thread takes longer than they all do together, the
//! other worker takes tasks away from the caches that know them, and later waits where it has to be woken again by each
//! datagram. So each is woken by the one before, as in a relay race, and the worker remains alone as long as they are quick.
//!
//! It is built on what tokio's scheduler does with a task that is woken by the one that runs. It keeps it in a slot of its
//! own, polls up to three of them one after the other, and tells nobody. If the one that runs has used up its budget, the one
//! in the slot goes into the queue, and again nobody is told. So a task wakes one other, that one wakes the driver, and the
//! driver wakes the next and uses up its budget. Whatever a later tokio makes of that, all are woken.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::ptr;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use rpcudp_core::MessageId;
use tokio::runtime;
use tokio::task::coop::{consume_budget, has_budget_remaining};

use crate::calls::table::WaitingCalls;
use crate::endpoint::shared::now;

/// Calls that have ended, and those who are to be woken because of it.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    calls: Vec<(MessageId, Waker)>,
    last_peer: Option<SocketAddr>,
    /// How many peers' calls these are, one who comes again after another counted again.
    peer_count: usize,
}

impl Ended {
    pub(crate) fn push(&mut self, id: MessageId, peer: SocketAddr, waker: Waker) {
        self.calls.push((id, waker));
        if self.last_peer.replace(peer) != Some(peer) {
            self.peer_count += 1;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether their callers' next requests are likely to go to one peer, and to leave together. Where each takes a system
    /// call of its own, there is enough to do for another worker.
    fn are_of_few_peers(&self) -> bool {
        self.calls.len() >= 2 * self.peer_count
    }

    fn wake(&mut self) {
        self.calls.drain(..).for_each(|(_, waker)| waker.wake());
        (self.last_peer, self.peer_count) = (None, 0);
    }
}

/// When a driver wakes tasks one by one, and when all at once.
#[derive(Debug)]
pub(crate) struct Relay {
    /// Whether there is another worker that could be woken.
    is_useful: bool,
    /// The relay that goes on.
    race: Option<Race>,
    /// How many batches are still woken all at once, because tasks had much to do.
    rest: u32,
    /// How many it is to be if they have again.
    next_rest: u32,
}

/// Tasks that are being woken one after the other.
#[derive(Debug)]
struct Race {
    /// When the driver's first turn ended.
    began: Instant,
    /// How many turns of the driver have ended.
    turns: u32,
}

/// What became of the driver's turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The next task was woken, and it will be the driver's turn again.
    Passed,
    /// All that were left were woken at once.
    Released,
    /// There is nobody to wake.
    Over,
}

impl Relay {
    /// How long the two tasks between two turns of the driver may take. Those who have more to do are worth a worker each.
    const MAX_TURN: Duration = Duration::from_micros(20);

    /// How much longer they may take altogether: some have more to do than others, and the system has something else to do
    /// now and then.
    const SLACK: Duration = Duration::from_micros(500);

    /// When to look after a relay in which a task was woken and did not ask for its call's end.
    const MAX_STALL: Duration = Duration::from_millis(5);

    /// How many batches it rests at the most.
    const MAX_REST: u32 = 64;

    /// One for the driver of an endpoint with so many sockets. Where there are several, they are to use several workers.
    pub(crate) fn new(runtime: &runtime::Handle, socket_count: usize) -> Self {
        let is_useful = socket_count == 1 && runtime.metrics().num_workers() > 1;
        Self { is_useful, race: None, rest: 0, next_rest: 1 }
    }

    /// Whether some are still to be woken.
    pub(crate) fn goes_on(&self) -> bool {
        self.race.is_some()
    }

    /// When to take a turn at the latest, for a driver that has done all else. What it did may have taken long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.goes_on().then(|| now() + Self::MAX_STALL)
    }

    /// Wakes the tasks whose calls have ended, now or one after the other.
    pub(crate) fn wake(&mut self, ended: &mut Ended, calls: &WaitingCalls, driver: &Waker) {
        if self.goes_on() || (ended.len() > 1 && ended.are_of_few_peers() && self.begins()) {
            // Who is no task of tokio's, a thread that blocks for example, need not wait for others.
            calls.line_up(ended.calls.extract_if(.., |(_, waker)| ptr::eq(waker.vtable(), driver.vtable())));
            if !self.goes_on() && calls.wake_next(driver) {
                self.race = Some(Race { began: now(), turns: 0 });
            }
        }
        ended.wake();
    }

    /// Takes the driver's turn.
    pub(crate) fn turn(&mut self, calls: &WaitingCalls, driver: &Waker) -> Turn {
        let Some(race) = &self.race else { return Turn::Over };
        if now().saturating_duration_since(race.began) > Self::SLACK + Self::MAX_TURN * race.turns {
            self.race = None;
            self.rest = self.next_rest;
            self.next_rest = (2 * self.next_rest).min(Self::MAX_REST);
            calls.release();
            return Turn::Released;
        }
        if calls.wake_next(driver) {
            return Turn::Passed;
        }
        self.race = None;
        self.next_rest = 1;
        Turn::Over
    }

    /// Has the woken task run next, without anyone else being told. Whatever tokio polls in the driver's task after that is
    /// pending.
    pub(crate) fn end_turn(&mut self, cx: &mut Context<'_>) {
        /// More than a task's budget, and an end to it where the task has no budget at all.
        const MAX_BUDGET: usize = 256;
        for _ in 0..MAX_BUDGET {
            if !has_budget_remaining() {
                break;
            }
            let _ = pin!(consume_budget()).poll(cx);
        }
        if let Some(race) = &mut self.race {
            // What the driver does before is nothing that tasks take.
            if race.turns == 0 {
                race.began = now();
            }
            race.turns += 1;
        }
    }

    fn begins(&mut self) -> bool {
        let rests = self.rest > 0;
        self.rest = self.rest.saturating_sub(1);
        self.is_useful && !rests
    }
}

#[cfg(test)]
mod tests;
