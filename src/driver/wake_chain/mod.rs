//! Waking the tasks of calls that have been completed together.
//!
//! Woken all at once, they fill the run queue of the driver's worker, and tokio wakes another
//! worker to share it. For tasks with little to do that is a loss: waking a thread takes longer
//! than all of them together, the other worker takes tasks away from warm caches, and later it
//! sleeps and must be woken again for each datagram. So each task is woken by the one before, as a
//! chain, and one worker runs them all as long as they are quick.
//!
//! This relies on tokio's treatment of a task that is woken by the running task. Tokio keeps it in
//! a slot of its own, polls up to three such tasks one after another, and wakes no worker. If the
//! running task has used up its budget, the task in the slot goes to the run queue, and again no
//! worker is woken. So a task wakes one other task, that one wakes the driver, and the driver wakes
//! the next and uses up its budget. If a later tokio behaves differently, all tasks are still
//! woken, and only the gain is lost.
//!
//! Tasks that are not chained are woken at once, but not more than a portion of them before they
//! run. The run queue of a worker holds 256 tasks, and tokio moves half of them to its global queue
//! if there are more. While a worker has other tasks, it takes one from the global queue for every
//! 127 that it runs. So a task there waits for tens of milliseconds while other tasks make one call
//! after another.

use std::future::Future;
use std::mem;
use std::pin::pin;
use std::ptr;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::task::coop::{consume_budget, has_budget_remaining};

use crate::calls::completed::CompletedCalls;
use crate::calls::in_flight::InFlightCalls;
use crate::clock::now;

/// The driver's choice between waking tasks in a chain and waking them all at once.
#[derive(Debug)]
pub(crate) struct WakeChain {
    /// Whether there is another worker that could be woken.
    is_enabled: bool,
    /// The chain in progress.
    active: Option<ActiveChain>,
    /// Whether queued tasks are woken in portions, without a chain.
    wakes_portions: bool,
    /// Batches that are still woken all at once, because tasks had much to do.
    pause_len: u32,
    /// The length of the next pause.
    next_pause_len: u32,
}

#[derive(Debug)]
struct ActiveChain {
    /// The end of the driver's first step.
    started: Instant,
    /// Steps of the driver that have ended.
    step_count: u32,
}

/// The result of the driver's step in a chain.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The driver woke the next task and will be woken for another step.
    Woken,
    /// The driver woke a portion of the tasks at once, and takes another step when they have run.
    Portion,
    /// No task is left.
    Done,
}

impl WakeChain {
    /// Time that the two tasks between two steps of the driver may take. A task with more to do is
    /// worth a worker of its own.
    const MAX_STEP: Duration = Duration::from_micros(20);

    /// Time that a whole chain may take beyond that: tasks differ, and the system interrupts them.
    const SLACK: Duration = Duration::from_micros(500);

    /// Time after which the driver looks after a chain whose woken task has not taken its
    /// completion.
    const MAX_STALL: Duration = Duration::from_millis(5);

    /// The longest pause, in batches.
    const MAX_PAUSE_LEN: u32 = 64;

    /// Tasks that are woken at once: half of the run queue of a worker, because it has other tasks
    /// too.
    pub(crate) const PORTION: usize = 128;

    /// Returns the chain for a driver of an endpoint with `socket_count` sockets. Several sockets
    /// are meant to use several workers, so there is no chain then.
    pub(crate) fn new(runtime: &runtime::Handle, socket_count: usize) -> Self {
        let is_enabled = socket_count == 1 && runtime.metrics().num_workers() > 1;
        Self { is_enabled, active: None, wakes_portions: false, pause_len: 0, next_pause_len: 1 }
    }

    /// Returns whether a chain is in progress.
    pub(crate) fn is_active(&self) -> bool {
        self.active.is_some()
    }

    /// Returns the time of the next step at the latest, for a driver that has done its other work,
    /// which may have taken long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.is_active().then(|| now() + Self::MAX_STALL)
    }

    /// Returns whether the tasks that were woken must run before more calls are completed.
    pub(crate) fn is_behind(&self) -> bool {
        self.wakes_portions
    }

    /// Wakes the tasks of completed calls: in a chain, at once, or in portions.
    pub(crate) fn wake(&mut self, completed: &mut CompletedCalls, calls: &InFlightCalls, driver: &Waker) {
        let is_chain = self.is_active() || (completed.len() > 1 && completed.have_few_peers() && self.may_start());
        if is_chain || self.wakes_portions || completed.len() > Self::PORTION {
            // Only tokio's tasks are queued. A blocked thread, for example, must not wait for
            // tasks.
            calls.queue_wakes(completed.extract_if(|waker| ptr::eq(waker.vtable(), driver.vtable())));
            if !is_chain {
                self.wakes_portions = calls.wake_queued(Self::PORTION);
            } else if !self.is_active() && calls.wake_next(driver) {
                self.active = Some(ActiveChain { started: now(), step_count: 0 });
            }
        }
        completed.wake_all();
    }

    /// Takes the driver's step: wakes the next task, or the next portion of tasks.
    pub(crate) fn step(&mut self, calls: &InFlightCalls, driver: &Waker) -> Step {
        if mem::take(&mut self.wakes_portions) {
            return self.wake_portion(calls);
        }
        let Some(active) = &self.active else { return Step::Done };
        if now().saturating_duration_since(active.started) > Self::SLACK + Self::MAX_STEP * active.step_count {
            self.active = None;
            self.pause_len = self.next_pause_len;
            self.next_pause_len = (2 * self.next_pause_len).min(Self::MAX_PAUSE_LEN);
            return self.wake_portion(calls);
        }
        if calls.wake_next(driver) {
            return Step::Woken;
        }
        self.active = None;
        self.next_pause_len = 1;
        Step::Done
    }

    /// Ends the driver's step so that the woken task runs next on this worker. Afterwards
    /// everything of tokio's that the driver's task polls is pending.
    pub(crate) fn end_step(&mut self, cx: &mut Context<'_>) {
        /// More than a task's budget. Bounds the loop if the task has no budget at all.
        const MAX_BUDGET: usize = 256;
        for _ in 0..MAX_BUDGET {
            if !has_budget_remaining() {
                break;
            }
            let _ = pin!(consume_budget()).poll(cx);
        }
        if let Some(active) = &mut self.active {
            // The driver's work before its first step is not the tasks' time.
            if active.step_count == 0 {
                active.started = now();
            }
            active.step_count += 1;
        }
    }

    fn wake_portion(&mut self, calls: &InFlightCalls) -> Step {
        self.wakes_portions = calls.wake_queued(Self::PORTION);
        Step::Portion
    }

    fn may_start(&mut self) -> bool {
        let is_paused = self.pause_len > 0;
        self.pause_len = self.pause_len.saturating_sub(1);
        self.is_enabled && !is_paused
    }
}

#[cfg(test)]
mod tests;
