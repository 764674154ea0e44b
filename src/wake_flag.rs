//! A flag with the waker of the task that watches it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use crate::lock::Lock;

/// A flag that wakes one task when it is set.
///
/// Setting a flag that is already set costs one atomic swap and wakes no task; taking a flag that
/// is not set costs one relaxed load.
#[derive(Debug, Default)]
pub(crate) struct WakeFlag {
    is_set: AtomicBool,
    task: Lock<Option<Waker>>,
}

impl WakeFlag {
    /// Sets the flag, and wakes the task if the flag was not set.
    pub(crate) fn set(&self) {
        if !self.is_set.swap(true, Ordering::AcqRel) {
            // The waker is the runtime's, not a user's, so it may be called under the lock.
            self.task.lock().as_ref().inspect(|task| task.wake_by_ref());
        }
    }

    /// Registers the task to wake from now on. The task must call [`take`](Self::take) once more
    /// after that, because the flag may have been set in between.
    pub(crate) fn register(&self, task: Waker) {
        *self.task.lock() = Some(task);
    }

    /// Forgets the task, which has ended.
    pub(crate) fn unregister(&self) {
        *self.task.lock() = None;
    }

    /// Clears the flag. Returns whether it was set.
    pub(crate) fn take(&self) -> bool {
        self.is_set.load(Ordering::Relaxed) && self.is_set.swap(false, Ordering::AcqRel)
    }
}

/// Lets a runtime set the flag by waking a waker.
impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.set();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.set();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct WakeCount(AtomicUsize);

    impl Wake for WakeCount {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn the_task_is_woken_once_until_it_takes_the_flag() {
        let count = Arc::new(WakeCount::default());
        let flag = WakeFlag::default();
        flag.set();
        flag.register(Waker::from(Arc::clone(&count)));
        assert!(flag.take());
        assert!(!flag.take());
        assert_eq!(count.0.load(Ordering::SeqCst), 0, "the task took the flag before it was registered");
        for wake_count in 1..4 {
            flag.set();
            flag.set();
            assert_eq!(count.0.load(Ordering::SeqCst), wake_count);
            assert!(flag.take());
        }
    }
}
