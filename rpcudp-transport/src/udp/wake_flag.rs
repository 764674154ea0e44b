use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// A waker that a task can look at, and that wakes the task. It has rung when it is new.
#[derive(Debug, Default)]
pub(super) struct WakeFlag {
    is_cleared: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl WakeFlag {
    /// Wakes this task when it rings.
    pub(super) fn register(&self, cx: &Context<'_>) {
        let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Whether it has rung since it was silenced.
    pub(super) fn is_set(&self) -> bool {
        !self.is_cleared.load(Ordering::Acquire)
    }

    pub(super) fn clear(&self) {
        self.is_cleared.store(true, Ordering::Release);
    }

    pub(super) fn set(&self) {
        self.is_cleared.store(false, Ordering::Release);
    }
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.set();
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
