use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rpcudp_core::Schedule;

use super::*;
use crate::calls::completion::Completion;
use crate::endpoint::config::Config;

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
    calls: InFlightCalls,
    chain: WakeChain,
    driver: Waker,
    tasks: Vec<Arc<Task>>,
}

impl Setup {
    fn new() -> Self {
        let calls = InFlightCalls::new(now(), StdRng::seed_from_u64(1), &Config::default().calls);
        let chain =
            WakeChain { is_enabled: true, active: None, wakes_portions: false, pause_len: 0, next_pause_len: 1 };
        Self { calls, chain, driver: Arc::new(Task::default()).into(), tasks: Vec::new() }
    }

    /// Completes a call to a peer, with this waker.
    fn complete(&self, completed: &mut CompletedCalls, peer: u8, waker: &Waker) {
        let peer = ([192, 0, 2, peer], 7_000).into();
        let schedule = Schedule {
            sent: now(),
            deadline: now() + Duration::from_secs(5),
            retransmits: false,
            waits_for_ready: false,
        };
        let id = self.calls.start(peer, schedule, waker).unwrap().key;
        let waker =
            self.calls.lock_for_responses().complete(&id, peer, Duration::ZERO, || Completion::Unreachable(Vec::new()));
        let (key, waker) = waker.unwrap().unwrap();
        completed.push(key, peer, waker);
    }

    /// Completes the calls of `count` tasks at once.
    fn wake(&mut self, count: usize) {
        self.wake_of(&vec![1; count]);
    }

    /// Completes calls to these peers at once, each of a task of its own.
    fn wake_of(&mut self, peers: &[u8]) {
        let mut completed = CompletedCalls::default();
        self.tasks = peers.iter().map(|_| Arc::default()).collect();
        for (peer, task) in peers.iter().zip(&self.tasks) {
            self.complete(&mut completed, *peer, &Arc::clone(task).into());
        }
        self.chain.wake(&mut completed, &self.calls, &self.driver);
    }

    fn step(&mut self) -> Step {
        self.chain.step(&self.calls, &self.driver)
    }

    fn end_step(&mut self) {
        self.chain.end_step(&mut Context::from_waker(Waker::noop()));
    }

    /// Returns how often each task was woken.
    fn wake_counts(&self) -> Vec<usize> {
        self.tasks.iter().map(|task| task.0.load(Ordering::SeqCst)).collect()
    }
}

#[test]
fn tasks_are_woken_one_by_one() {
    let mut setup = Setup::new();
    setup.wake(3);
    assert_eq!(setup.wake_counts(), [1, 0, 0]);
    assert!(setup.chain.deadline().is_some_and(|deadline| deadline > now()));
    assert_eq!((setup.step(), setup.wake_counts()), (Step::Woken, vec![1, 1, 0]));
    setup.end_step();
    assert_eq!((setup.step(), setup.wake_counts()), (Step::Woken, vec![1, 1, 1]));
    setup.end_step();
    assert_eq!((setup.step(), setup.chain.deadline()), (Step::Done, None));
}

#[test]
fn single_tasks_and_threads_are_woken_at_once() {
    let mut setup = Setup::new();
    setup.wake(1);
    assert!(setup.wake_counts() == [1] && !setup.chain.is_active());

    let threads: [Arc<Thread>; 2] = Default::default();
    let mut completed = CompletedCalls::default();
    threads.iter().for_each(|thread| setup.complete(&mut completed, 1, &Arc::clone(thread).into()));
    setup.chain.wake(&mut completed, &setup.calls, &setup.driver);
    assert!(threads.iter().all(|thread| thread.0.0.load(Ordering::SeqCst) == 1));
    assert!(!setup.chain.is_active());
}

#[test]
fn slow_tasks_are_woken_at_once_for_longer_and_longer_pauses() {
    let mut setup = Setup::new();
    for pause_len in [1, 2, 4, 8, 16, 32, 64, 64] {
        setup.wake(3);
        setup.end_step();
        setup.chain.active.as_mut().unwrap().started -= Duration::from_secs(1);
        assert_eq!((setup.step(), setup.wake_counts()), (Step::Portion, vec![1, 1, 1]));
        for _ in 0..pause_len {
            setup.wake(3);
            assert!(setup.wake_counts() == [1, 1, 1] && !setup.chain.is_active());
        }
    }
    setup.wake(2);
    assert_eq!((setup.step(), setup.step()), (Step::Woken, Step::Done));
    assert_eq!(setup.chain.next_pause_len, 1, "a quick chain resets the pause");
}

#[test]
fn callers_of_many_peers_are_woken_at_once() {
    let mut setup = Setup::new();
    setup.wake_of(&[1, 2, 1, 3]);
    assert!(setup.wake_counts() == [1; 4] && !setup.chain.is_active());
    setup.wake_of(&[1, 1, 2, 2]);
    assert!(setup.wake_counts() == [1, 0, 0, 0] && setup.chain.is_active());
}

#[test]
fn more_tasks_than_a_portion_are_woken_in_portions() {
    let mut setup = Setup::new();
    let peers: Vec<_> = (0..=255).cycle().take(2 * WakeChain::PORTION + 10).collect();
    setup.wake_of(&peers);
    let woken = |setup: &Setup| setup.wake_counts().into_iter().sum::<usize>();
    assert!(woken(&setup) == WakeChain::PORTION && !setup.chain.is_active());
    for count in [2 * WakeChain::PORTION, 2 * WakeChain::PORTION + 10] {
        assert!(setup.chain.is_behind());
        assert_eq!((setup.step(), woken(&setup)), (Step::Portion, count));
    }
    assert!(!setup.chain.is_behind() && setup.step() == Step::Done);
    assert!(setup.wake_counts().iter().all(|count| *count == 1));
}

#[test]
fn a_long_chain_of_slow_tasks_is_released_in_portions() {
    let mut setup = Setup::new();
    setup.wake(2 * WakeChain::PORTION);
    setup.end_step();
    setup.chain.active.as_mut().unwrap().started -= Duration::from_secs(1);
    assert_eq!((setup.step(), setup.chain.is_behind()), (Step::Portion, true));
    assert_eq!((setup.step(), setup.chain.is_behind()), (Step::Portion, false));
    assert_eq!(setup.wake_counts(), [1; 2 * WakeChain::PORTION]);
}

#[test]
fn the_drivers_first_step_may_take_long() {
    let mut setup = Setup::new();
    setup.wake(2);
    setup.chain.active.as_mut().unwrap().started -= Duration::from_secs(1);
    assert!(setup.chain.deadline().is_some_and(|deadline| deadline > now()));
    setup.end_step();
    assert_eq!((setup.step(), setup.step()), (Step::Woken, Step::Done));
}

#[test]
fn the_chain_needs_one_socket_and_several_workers() {
    let several = runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    assert!(WakeChain::new(several.handle(), 1).is_enabled);
    assert!(!WakeChain::new(several.handle(), 2).is_enabled);
    let one = runtime::Builder::new_current_thread().build().unwrap();
    assert!(!WakeChain::new(one.handle(), 1).is_enabled);
}
