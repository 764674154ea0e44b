use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;

/// Whether an endpoint is open, and what wakes its driver.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    handle_count: AtomicUsize,
    closing: AtomicBool,
    closed: AtomicBool,
    /// How long handlers may take to finish, from whoever asked to close and was not heard yet.
    grace: Mutex<Option<Duration>>,
    on_closed: Notify,
    driver: Signal,
}

impl Lifecycle {
    /// Counts a handle; dropping the last one closes the endpoint.
    pub(crate) fn add_handle(&self) {
        self.handle_count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn drop_handle(&self) {
        // One that is closing keeps the grace that it was given.
        if self.handle_count.fetch_sub(1, Ordering::AcqRel) == 1 && !self.is_closing() {
            self.close(Duration::ZERO);
        }
    }

    /// Accepts no more requests from now on, and asks the driver to close the endpoint.
    pub(crate) fn close(&self, grace: Duration) {
        self.set_closing();
        let mut asked = self.grace.lock().unwrap_or_else(PoisonError::into_inner);
        *asked = Some(asked.map_or(grace, |asked| asked.min(grace)));
        drop(asked);
        self.wake_driver();
    }

    /// What was asked since the driver last looked.
    pub(crate) fn take_grace(&self) -> Option<Duration> {
        self.grace.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn set_closing(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Whether requests are refused.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(crate) fn set_closed(&self) {
        self.set_closing();
        self.closed.store(true, Ordering::Release);
        self.on_closed.notify_waiters();
    }

    /// Waits until nothing more happens.
    pub(crate) async fn closed(&self) {
        let mut notified = pin!(self.on_closed.notified());
        // Registered before the look, so that nothing is missed in between.
        notified.as_mut().enable();
        if !self.closed.load(Ordering::Acquire) {
            notified.await;
        }
    }

    pub(crate) fn wake_driver(&self) {
        self.driver.raise();
    }

    /// Ready once for any number of [`wake_driver`](Self::wake_driver).
    pub(crate) fn poll_woken(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.driver.poll(cx)
    }
}

/// Wakes one task; raising it again before that task has looked costs next to nothing.
#[derive(Debug, Default)]
struct Signal {
    raised: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Signal {
    fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.raised.load(Ordering::Acquire) {
            let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
        }
        if self.raised.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
    }
}
