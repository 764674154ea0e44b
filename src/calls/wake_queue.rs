use std::collections::VecDeque;
use std::mem;
use std::task::Waker;

use rpcudp_core::MessageId;

/// The tasks that are still to be woken.
#[derive(Debug, Default)]
pub(crate) struct Line {
    tasks: VecDeque<(MessageId, Waker)>,
    /// Whether the task that was woken by the driver is still to wake another.
    wakes_one: bool,
    /// The driver, while it waits for its turn.
    driver: Option<Waker>,
}

/// Whom it is on.
#[derive(Debug)]
pub(crate) enum Next {
    Nobody,
    Wakes(Waker),
    /// It has asked for its call's end before it was woken: it is the turn of whoever comes after it.
    Gone(#[expect(dead_code, reason = "it is dropped where the table of calls is not locked")] Waker),
}

impl Line {
    pub(crate) fn extend(&mut self, tasks: impl Iterator<Item = (MessageId, Waker)>) {
        self.tasks.extend(tasks);
    }

    /// Who is woken by a task that has its call's end. `waits` says whether a call's end is still to be asked for.
    pub(crate) fn after_task(&mut self, waits: impl FnOnce(&MessageId) -> bool) -> Next {
        if self.driver.is_none() {
            return Next::Nobody;
        }
        if self.wakes_one {
            let next = self.pop(waits);
            self.wakes_one = matches!(next, Next::Gone(_));
            if !matches!(next, Next::Nobody) {
                return next;
            }
        }
        self.driver.take().map_or(Next::Nobody, Next::Wakes)
    }

    /// Who is woken by the driver.
    pub(crate) fn after_driver(&mut self, driver: &Waker, waits: impl FnOnce(&MessageId) -> bool) -> Next {
        let next = self.pop(waits);
        (self.wakes_one, self.driver) = match next {
            Next::Wakes(_) => (true, Some(driver.clone())),
            Next::Nobody | Next::Gone(_) => (false, None),
        };
        next
    }

    /// All that are left, the driver excepted.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        mem::take(self).tasks.into_iter().map(|(_, waker)| waker)
    }

    fn pop(&mut self, waits: impl FnOnce(&MessageId) -> bool) -> Next {
        let Some((id, waker)) = self.tasks.pop_front() else { return Next::Nobody };
        if !waits(&id) {
            return Next::Gone(waker);
        }
        // A task that waits for several calls is woken once for those that stand together.
        while self.tasks.front().is_some_and(|(_, next)| next.will_wake(&waker)) {
            self.tasks.pop_front();
        }
        Next::Wakes(waker)
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

    /// A driver, and tasks in line that wait for one call each.
    fn line(count: u8) -> (Waker, Vec<Waker>, Line) {
        let wakers: Vec<_> = (0..count).map(|_| Waker::from(Arc::new(Task))).collect();
        let mut line = Line::default();
        line.extend((0..).map(id).zip(wakers.iter().cloned()));
        (Waker::from(Arc::new(Task)), wakers, line)
    }

    #[track_caller]
    fn assert_wakes(next: &Next, waker: &Waker) {
        assert!(matches!(next, Next::Wakes(woken) if woken.will_wake(waker)), "{next:?}");
    }

    #[test]
    fn a_task_wakes_one_and_that_one_the_driver() {
        let (driver, tasks, mut line) = line(3);
        assert!(matches!(line.after_task(|_| true), Next::Nobody), "nobody has begun");
        assert_wakes(&line.after_driver(&driver, |_| true), &tasks[0]);
        assert_wakes(&line.after_task(|_| true), &tasks[1]);
        assert_wakes(&line.after_task(|_| true), &driver);
        assert!(matches!(line.after_task(|_| true), Next::Nobody), "it is the driver's turn");
        assert_wakes(&line.after_driver(&driver, |_| true), &tasks[2]);
        assert_wakes(&line.after_task(|_| true), &driver);
        assert!(matches!(line.after_driver(&driver, |_| true), Next::Nobody));
        assert!(matches!(line.after_task(|_| true), Next::Nobody), "it is over");
    }

    #[test]
    fn those_who_have_gone_are_passed_over() {
        let (driver, tasks, mut line) = line(5);
        let waits =
            |waiting: &'static [u8]| move |asked: &MessageId| waiting.iter().any(|number| id(*number) == *asked);
        assert!(matches!(line.after_driver(&driver, waits(&[1, 3])), Next::Gone(_)));
        assert_wakes(&line.after_driver(&driver, waits(&[1, 3])), &tasks[1]);
        assert!(matches!(line.after_task(waits(&[3])), Next::Gone(_)));
        assert_wakes(&line.after_task(waits(&[3])), &tasks[3]);
        assert_wakes(&line.after_task(waits(&[])), &driver);
        assert!(matches!(line.after_driver(&driver, waits(&[])), Next::Gone(_)));
        assert!(matches!(line.after_driver(&driver, waits(&[])), Next::Nobody));
    }

    #[test]
    fn a_task_with_several_calls_is_woken_once() {
        let (driver, tasks, mut line) = line(2);
        line.tasks.rotate_right(1);
        let (_, waker) = &line.tasks[0];
        line.tasks.insert(1, (id(7), waker.clone()));
        assert_wakes(&line.after_driver(&driver, |_| true), &tasks[1]);
        assert_wakes(&line.after_task(|_| true), &tasks[0]);
        assert_wakes(&line.after_task(|_| true), &driver);
    }

    #[test]
    fn all_that_are_left_may_be_taken() {
        let (driver, tasks, mut line) = line(4);
        assert_wakes(&line.after_driver(&driver, |_| true), &tasks[0]);
        assert!(line.take().zip(&tasks[1..]).all(|(taken, task)| taken.will_wake(task)));
        assert!(matches!(line.after_task(|_| true), Next::Nobody));
    }
}
