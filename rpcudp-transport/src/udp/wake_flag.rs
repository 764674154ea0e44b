use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// A waker that a task can look at, and that wakes the task. It has rung when it is new.
#[derive(Debug, Default)]
pub(super) struct Doorbell {
    silent: AtomicBool,
    listener: Mutex<Option<Waker>>,
}

impl Doorbell {
    /// Wakes this task when it rings.
    pub(super) fn listen(&self, cx: &Context<'_>) {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if !listener.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *listener = Some(cx.waker().clone());
        }
    }

    /// Whether it has rung since it was silenced.
    pub(super) fn has_rung(&self) -> bool {
        !self.silent.load(Ordering::Acquire)
    }

    pub(super) fn silence(&self) {
        self.silent.store(true, Ordering::Release);
    }

    pub(super) fn ring(&self) {
        self.silent.store(false, Ordering::Release);
    }
}

impl Wake for Doorbell {
    fn wake(self: Arc<Self>) {
        self.ring();
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(listener) = listener {
            listener.wake();
        }
    }
}
