use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// Wakes one task; raising it again before that task has looked costs next to nothing, and so does looking.
#[derive(Debug, Default)]
pub(crate) struct WakeFlag {
    raised: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl WakeFlag {
    pub(crate) fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            // The driver's waker is its runtime's, and no user's code.
            let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
            task.as_ref().inspect(|task| task.wake_by_ref());
        }
    }

    /// Wakes this task from now on. It has to look once more after that.
    pub(crate) fn wakes(&self, task: Waker) {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Lowers the signal, and says whether it was raised.
    pub(crate) fn lower(&self) -> bool {
        self.raised.load(Ordering::Relaxed) && self.raised.swap(false, Ordering::AcqRel)
    }
}

/// To be raised by a runtime.
impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.raise();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raise();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_task_is_woken_once_for_each_time_that_it_looked() {
        let count = Arc::new(Count::default());
        let signal = WakeFlag::default();
        signal.raise();
        signal.wakes(Waker::from(Arc::clone(&count)));
        assert!(signal.lower());
        assert!(!signal.lower());
        assert_eq!(count.0.load(Ordering::SeqCst), 0, "it has looked");
        for woken in 1..4 {
            signal.raise();
            signal.raise();
            assert_eq!(count.0.load(Ordering::SeqCst), woken);
            assert!(signal.lower());
        }
    }
}
