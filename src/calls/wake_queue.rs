use std::collections::VecDeque;
use std::mem;
use std::task::Waker;

use rpcudp_core::MessageId;

/// A queue of tasks whose calls have ended, and which are woken one after another.
///
/// The driver wakes the first. That task, once it has taken its call's completion, wakes the
/// second, and the second wakes the driver, which goes on with the third. `driver/wake_chain` says
/// why.
#[derive(Debug, Default)]
pub(crate) struct WakeQueue {
    tasks: VecDeque<(MessageId, Waker)>,
    /// Whether the task that the driver woke still has to wake another one.
    next_is_task: bool,
    /// The driver, while it waits for its turn.
    driver: Option<Waker>,
}

/// The task to wake next.
#[derive(Debug)]
pub(crate) enum NextWake {
    None,
    Wake(Waker),
    /// The task took its call's completion before it was woken, so the one after it is next.
    Stale(#[expect(dead_code, reason = "it is dropped after the table of calls is unlocked")] Waker),
}

impl WakeQueue {
    pub(crate) fn extend(&mut self, tasks: impl Iterator<Item = (MessageId, Waker)>) {
        self.tasks.extend(tasks);
    }

    /// Returns the task that a task wakes after it has taken its call's completion. `is_pending`
    /// returns whether a call has a completion that its task has not taken.
    pub(crate) fn after_task(&mut self, is_pending: impl FnOnce(&MessageId) -> bool) -> NextWake {
        if self.driver.is_none() {
            return NextWake::None;
        }
        if self.next_is_task {
            let next = self.pop(is_pending);
            self.next_is_task = matches!(next, NextWake::Stale(_));
            if !matches!(next, NextWake::None) {
                return next;
            }
        }
        self.driver.take().map_or(NextWake::None, NextWake::Wake)
    }

    /// Returns the task that the driver wakes.
    pub(crate) fn after_driver(&mut self, driver: &Waker, is_pending: impl FnOnce(&MessageId) -> bool) -> NextWake {
        let next = self.pop(is_pending);
        (self.next_is_task, self.driver) = match next {
            NextWake::Wake(_) => (true, Some(driver.clone())),
            NextWake::None | NextWake::Stale(_) => (false, None),
        };
        next
    }

    /// Removes and returns all tasks, without the driver.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        mem::take(self).tasks.into_iter().map(|(_, waker)| waker)
    }

    /// Removes and returns up to `count` tasks, without the driver, which is not woken any more.
    pub(crate) fn take_some(&mut self, count: usize) -> Vec<Waker> {
        (self.next_is_task, self.driver) = (false, None);
        self.tasks.drain(..count.min(self.tasks.len())).map(|(_, waker)| waker).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    fn pop(&mut self, is_pending: impl FnOnce(&MessageId) -> bool) -> NextWake {
        let Some((id, waker)) = self.tasks.pop_front() else { return NextWake::None };
        if !is_pending(&id) {
            return NextWake::Stale(waker);
        }
        // A task with several calls in a row is woken once for all of them.
        while self.tasks.front().is_some_and(|(_, next)| next.will_wake(&waker)) {
            self.tasks.pop_front();
        }
        NextWake::Wake(waker)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    fn id(number: u8) -> MessageId {
        MessageId::from_bytes([number; MessageId::LEN])
    }

    /// Returns a driver, tasks with one call each, and the queue of these tasks.
    fn queue(count: u8) -> (Waker, Vec<Waker>, WakeQueue) {
        let wakers: Vec<_> = (0..count).map(|_| Waker::from(Arc::new(Task))).collect();
        let mut queue = WakeQueue::default();
        queue.extend((0..).map(id).zip(wakers.iter().cloned()));
        (Waker::from(Arc::new(Task)), wakers, queue)
    }

    #[track_caller]
    fn assert_wakes(next: &NextWake, waker: &Waker) {
        assert!(matches!(next, NextWake::Wake(woken) if woken.will_wake(waker)), "{next:?}");
    }

    #[test]
    fn the_driver_wakes_a_task_that_wakes_a_task_that_wakes_the_driver() {
        let (driver, tasks, mut queue) = queue(3);
        assert!(matches!(queue.after_task(|_| true), NextWake::None), "the driver has not begun");
        assert_wakes(&queue.after_driver(&driver, |_| true), &tasks[0]);
        assert_wakes(&queue.after_task(|_| true), &tasks[1]);
        assert_wakes(&queue.after_task(|_| true), &driver);
        assert!(matches!(queue.after_task(|_| true), NextWake::None), "it is the driver's turn");
        assert_wakes(&queue.after_driver(&driver, |_| true), &tasks[2]);
        assert_wakes(&queue.after_task(|_| true), &driver);
        assert!(matches!(queue.after_driver(&driver, |_| true), NextWake::None));
        assert!(matches!(queue.after_task(|_| true), NextWake::None), "the queue is empty");
    }

    #[test]
    fn tasks_that_have_taken_their_completion_are_skipped() {
        let (driver, tasks, mut queue) = queue(5);
        let pending =
            |pending: &'static [u8]| move |asked: &MessageId| pending.iter().any(|number| id(*number) == *asked);
        assert!(matches!(queue.after_driver(&driver, pending(&[1, 3])), NextWake::Stale(_)));
        assert_wakes(&queue.after_driver(&driver, pending(&[1, 3])), &tasks[1]);
        assert!(matches!(queue.after_task(pending(&[3])), NextWake::Stale(_)));
        assert_wakes(&queue.after_task(pending(&[3])), &tasks[3]);
        assert_wakes(&queue.after_task(pending(&[])), &driver);
        assert!(matches!(queue.after_driver(&driver, pending(&[])), NextWake::Stale(_)));
        assert!(matches!(queue.after_driver(&driver, pending(&[])), NextWake::None));
    }

    #[test]
    fn a_task_with_several_calls_is_woken_once() {
        let (driver, tasks, mut queue) = queue(2);
        queue.tasks.rotate_right(1);
        let (_, waker) = &queue.tasks[0];
        queue.tasks.insert(1, (id(7), waker.clone()));
        assert_wakes(&queue.after_driver(&driver, |_| true), &tasks[1]);
        assert_wakes(&queue.after_task(|_| true), &tasks[0]);
        assert_wakes(&queue.after_task(|_| true), &driver);
    }

    #[test]
    fn tasks_can_be_taken_in_portions() {
        let (driver, tasks, mut queue) = queue(6);
        assert_wakes(&queue.after_driver(&driver, |_| true), &tasks[0]);
        for portion in [&tasks[1..4], &tasks[4..]] {
            let taken = queue.take_some(3);
            assert!(
                taken.len() == portion.len() && taken.iter().zip(portion).all(|(taken, task)| taken.will_wake(task))
            );
            assert!(matches!(queue.after_task(|_| true), NextWake::None), "the chain has ended");
        }
        assert!(queue.is_empty());
    }

    #[test]
    fn all_remaining_tasks_can_be_taken() {
        let (driver, tasks, mut queue) = queue(4);
        assert_wakes(&queue.after_driver(&driver, |_| true), &tasks[0]);
        assert!(queue.take().zip(&tasks[1..]).all(|(taken, task)| taken.will_wake(task)));
        assert!(matches!(queue.after_task(|_| true), NextWake::None));
    }
}
