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
use std::pin::pin;
use std::ptr;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use rpcudp_core::MessageId;
use tokio::runtime;
use tokio::task::coop::{consume_budget, has_budget_remaining};

use crate::shared::now;
use crate::waiting::WaitingCalls;

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

    /// When to take a turn at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.race.as_ref().map(|race| race.began + Self::MAX_STALL)
    }

    /// Wakes the tasks whose calls have ended, now or one after the other.
    pub(crate) fn wake(&mut self, ended: &mut Vec<(MessageId, Waker)>, calls: &WaitingCalls, driver: &Waker) {
        if self.goes_on() || (ended.len() > 1 && self.begins()) {
            // Who is no task of tokio's, a thread that blocks for example, need not wait for others.
            calls.line_up(ended.extract_if(.., |(_, waker)| ptr::eq(waker.vtable(), driver.vtable())));
            if !self.goes_on() && calls.wake_next(driver) {
                self.race = Some(Race { began: now(), turns: 0 });
            }
        }
        ended.drain(..).for_each(|(_, waker)| waker.wake());
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
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use rpcudp_core::Schedule;

    use super::*;
    use crate::config::Config;
    use crate::waiting::Outcome;

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[derive(Default)]
    struct Thread(Task);

    impl Wake for Thread {
        fn wake(self: Arc<Self>) {
            self.0.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    struct Setup {
        calls: WaitingCalls,
        relay: Relay,
        driver: Waker,
        tasks: Vec<Arc<Task>>,
    }

    impl Setup {
        fn new() -> Self {
            let calls = WaitingCalls::new(now(), StdRng::seed_from_u64(1), &Config::default());
            let relay = Relay { is_useful: true, race: None, rest: 0, next_rest: 1 };
            Self { calls, relay, driver: Arc::new(Task::default()).into(), tasks: Vec::new() }
        }

        /// Ends a call that this waker waits for.
        fn end(&self, waker: &Waker) -> (MessageId, Waker) {
            let peer = ([192, 0, 2, 1], 7_000).into();
            let schedule = Schedule { sent: now(), deadline: now() + Duration::from_secs(5), resends: false };
            let id = self.calls.start(peer, schedule, waker).unwrap().id;
            let waker = self.calls.answers().take(&id, peer, || Outcome::Unreachable).unwrap().unwrap();
            (id, waker)
        }

        /// Ends the calls of so many tasks at once.
        fn wake(&mut self, count: usize) {
            self.tasks = (0..count).map(|_| Arc::default()).collect();
            let mut ended = self.tasks.iter().map(|task| self.end(&Arc::clone(task).into())).collect();
            self.relay.wake(&mut ended, &self.calls, &self.driver);
        }

        fn turn(&mut self) -> Turn {
            self.relay.turn(&self.calls, &self.driver)
        }

        fn end_turn(&mut self) {
            self.relay.end_turn(&mut Context::from_waker(Waker::noop()));
        }

        /// How often each task was woken.
        fn woken(&self) -> Vec<usize> {
            self.tasks.iter().map(|task| task.0.load(Ordering::SeqCst)).collect()
        }
    }

    #[test]
    fn tasks_are_woken_one_by_one() {
        let mut setup = Setup::new();
        setup.wake(3);
        assert_eq!(setup.woken(), [1, 0, 0]);
        assert!(setup.relay.deadline().is_some_and(|deadline| deadline > now()));
        assert_eq!((setup.turn(), setup.woken()), (Turn::Passed, vec![1, 1, 0]));
        setup.end_turn();
        assert_eq!((setup.turn(), setup.woken()), (Turn::Passed, vec![1, 1, 1]));
        setup.end_turn();
        assert_eq!((setup.turn(), setup.relay.deadline()), (Turn::Over, None));
    }

    #[test]
    fn one_alone_is_woken_and_so_are_threads() {
        let mut setup = Setup::new();
        setup.wake(1);
        assert!(setup.woken() == [1] && !setup.relay.goes_on());

        let threads: [Arc<Thread>; 2] = Default::default();
        let mut ended = threads.iter().map(|thread| setup.end(&Arc::clone(thread).into())).collect();
        setup.relay.wake(&mut ended, &setup.calls, &setup.driver);
        assert!(threads.iter().all(|thread| thread.0.0.load(Ordering::SeqCst) == 1));
        assert!(!setup.relay.goes_on());
    }

    #[test]
    fn those_with_much_to_do_are_woken_at_once_and_more_and_more_often() {
        let mut setup = Setup::new();
        for rest in [1, 2, 4, 8, 16, 32, 64, 64] {
            setup.wake(3);
            setup.end_turn();
            setup.relay.race.as_mut().unwrap().began -= Duration::from_secs(1);
            assert_eq!((setup.turn(), setup.woken()), (Turn::Released, vec![1, 1, 1]));
            for _ in 0..rest {
                setup.wake(3);
                assert!(setup.woken() == [1, 1, 1] && !setup.relay.goes_on());
            }
        }
        setup.wake(2);
        assert_eq!((setup.turn(), setup.turn()), (Turn::Passed, Turn::Over));
        assert_eq!(setup.relay.next_rest, 1, "they have little to do again");
    }

    #[test]
    fn several_sockets_are_for_several_workers() {
        let several = runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        assert!(Relay::new(several.handle(), 1).is_useful);
        assert!(!Relay::new(several.handle(), 2).is_useful);
        let one = runtime::Builder::new_current_thread().build().unwrap();
        assert!(!Relay::new(one.handle(), 1).is_useful);
    }
}
