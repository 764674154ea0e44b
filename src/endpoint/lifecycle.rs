use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Whether an endpoint is open.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    closing: AtomicBool,
    closed: AtomicBool,
    stop_handlers: Mutex<Option<Instant>>,
    on_closed: Notify,
}

impl Lifecycle {
    /// Notes that the endpoint is to close: it accepts no more requests, and handlers may take this long to finish, or
    /// less if somebody asked for less.
    pub(crate) fn close(&self, now: Instant, grace: Duration) {
        self.set_closing();
        let stop = now.checked_add(grace).unwrap_or(now + FOREVER);
        let mut asked = self.stop_handlers.lock().unwrap_or_else(PoisonError::into_inner);
        *asked = Some(asked.map_or(stop, |asked| asked.min(stop)));
    }

    /// When handlers are to be stopped, once the endpoint is closing.
    pub(crate) fn stop_handlers(&self) -> Option<Instant> {
        if self.is_closing() { *self.stop_handlers.lock().unwrap_or_else(PoisonError::into_inner) } else { None }
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
}

/// A grace that ends after time does: thirty years.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
