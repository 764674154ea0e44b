use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rpcudp_core::Schedule;

use super::*;
use crate::calls::table::Outcome;
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

    /// Ends a call to a peer that this waker waits for.
    fn end(&self, ended: &mut Ended, peer: u8, waker: &Waker) {
        let peer = ([192, 0, 2, peer], 7_000).into();
        let schedule = Schedule { sent: now(), deadline: now() + Duration::from_secs(5), retransmits: false };
        let id = self.calls.start(peer, schedule, waker).unwrap().id;
        let waker = self.calls.answers().take(&id, peer, || Outcome::Unreachable).unwrap().unwrap();
        ended.push(id, peer, waker);
    }

    /// Ends the calls of so many tasks at once.
    fn wake(&mut self, count: usize) {
        self.wake_of(&vec![1; count]);
    }

    /// Ends calls to these peers at once, of a task each.
    fn wake_of(&mut self, peers: &[u8]) {
        let mut ended = Ended::default();
        self.tasks = peers.iter().map(|_| Arc::default()).collect();
        for (peer, task) in peers.iter().zip(&self.tasks) {
            self.end(&mut ended, *peer, &Arc::clone(task).into());
        }
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
    let mut ended = Ended::default();
    threads.iter().for_each(|thread| setup.end(&mut ended, 1, &Arc::clone(thread).into()));
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
fn callers_of_many_peers_are_woken_at_once() {
    let mut setup = Setup::new();
    setup.wake_of(&[1, 2, 1, 3]);
    assert!(setup.woken() == [1; 4] && !setup.relay.goes_on());
    setup.wake_of(&[1, 1, 2, 2]);
    assert!(setup.woken() == [1, 0, 0, 0] && setup.relay.goes_on());
}

#[test]
fn the_drivers_first_turn_may_take_long() {
    let mut setup = Setup::new();
    setup.wake(2);
    setup.relay.race.as_mut().unwrap().began -= Duration::from_secs(1);
    assert!(setup.relay.deadline().is_some_and(|deadline| deadline > now()));
    setup.end_turn();
    assert_eq!((setup.turn(), setup.turn()), (Turn::Passed, Turn::Over));
}

#[test]
fn several_sockets_are_for_several_workers() {
    let several = runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    assert!(Relay::new(several.handle(), 1).is_useful);
    assert!(!Relay::new(several.handle(), 2).is_useful);
    let one = runtime::Builder::new_current_thread().build().unwrap();
    assert!(!Relay::new(one.handle(), 1).is_useful);
}
