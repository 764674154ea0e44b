use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// A waker that sets a flag and wakes the registered task. The flag is set when it is new.
#[derive(Debug, Default)]
pub(super) struct WakeFlag {
    is_cleared: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl WakeFlag {
    /// Registers the task to be woken by the next wake-up.
    pub(super) fn register(&self, cx: &Context<'_>) {
        let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Whether the flag was set since it was last cleared.
    pub(super) fn is_set(&self) -> bool {
        !self.is_cleared.load(Ordering::Acquire)
    }

    /// Clears the flag.
    pub(super) fn clear(&self) {
        self.is_cleared.store(true, Ordering::Release);
    }

    /// Sets the flag without waking the task.
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
