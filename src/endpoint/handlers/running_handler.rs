use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::wake_flag::WakeFlag;

/// The state of a running handler that its driver and its caller change.
#[derive(Debug, Default)]
pub(crate) struct RunningHandler {
    /// Wakes the handler's task, to check whether the handler must end before it returns.
    pub(super) on_check: WakeFlag,
    is_cancelled: AtomicBool,
    /// Wakes the tasks that wait for the cancellation.
    on_cancelled: Notify,
}

/// States that a thread keeps for reuse, so that a handler needs no allocation for its own.
const MAX_POOLED_COUNT: usize = 256;

thread_local! {
    static POOL: RefCell<Vec<Arc<RunningHandler>>> = const { RefCell::new(Vec::new()) };
}

impl RunningHandler {
    /// Takes a state from the pool of this thread, or allocates one.
    pub(super) fn take() -> Arc<Self> {
        POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten().unwrap_or_default()
    }

    /// Returns a state to the pool of this thread. Drops it if a context of the request is left, or
    /// if the pool is full.
    pub(super) fn give(mut handler: Arc<Self>) {
        if Arc::get_mut(&mut handler).is_none() {
            return;
        }
        handler.reset();
        // A thread that is ending has no pool any more, and the state is freed.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < MAX_POOLED_COUNT {
                pool.push(handler);
            }
        });
    }

    /// Records that the caller has dropped its call, and wakes the handler.
    pub(crate) fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Release);
        self.on_check.set();
        self.on_cancelled.notify_waiters();
    }

    /// Returns whether the caller has dropped its call.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }

    /// Completes when the caller drops its call.
    pub(crate) async fn cancelled(&self) {
        let mut notified = pin!(self.on_cancelled.notified());
        // Registered before the flag is read, so that no notification is missed.
        notified.as_mut().enable();
        if !self.is_cancelled() {
            notified.await;
        }
    }

    /// Prepares the state for another handler.
    fn reset(&self) {
        self.on_check.take();
        if self.is_cancelled() {
            self.is_cancelled.store(false, Ordering::Release);
        }
    }
}
