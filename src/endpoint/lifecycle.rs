use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::clock::later;
use crate::lock::Lock;

/// The state of an endpoint: open, closing or closed.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    is_closing: AtomicBool,
    is_closed: AtomicBool,
    handler_deadline: Lock<Option<Instant>>,
    on_closed: Notify,
}

impl Lifecycle {
    /// Begins to close: the endpoint refuses requests from now on, and handlers may run for another
    /// `grace`. A second call can only shorten the grace.
    pub(crate) fn close(&self, now: Instant, grace: Duration) {
        self.set_closing();
        let deadline = later(now, grace);
        let mut earliest = self.handler_deadline.lock();
        *earliest = Some(earliest.map_or(deadline, |earliest| earliest.min(deadline)));
    }

    /// Returns the time at which handlers are aborted, if the endpoint is closing.
    pub(crate) fn handler_deadline(&self) -> Option<Instant> {
        if self.is_closing() { *self.handler_deadline.lock() } else { None }
    }

    pub(crate) fn set_closing(&self) {
        self.is_closing.store(true, Ordering::Release);
    }

    /// Returns whether requests are refused.
    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    pub(crate) fn set_closed(&self) {
        self.set_closing();
        self.is_closed.store(true, Ordering::Release);
        self.on_closed.notify_waiters();
    }

    /// Completes when the endpoint is closed.
    pub(crate) async fn closed(&self) {
        let mut notified = pin!(self.on_closed.notified());
        // Registered before the flag is read, so that no notification is missed.
        notified.as_mut().enable();
        if !self.is_closed.load(Ordering::Acquire) {
            notified.await;
        }
    }
}
