use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use tokio::sync::Notify;

use super::lifecycle::Lifecycle;
use crate::panic::{Panicked, catch_poll};
use crate::telemetry::trace::Trace;
use crate::wake_flag::WakeFlag;

/// The async handlers of an endpoint: their number, their limit, and the means to abort them.
#[derive(Debug)]
pub(crate) struct Handlers {
    running: AtomicUsize,
    limit: usize,
    is_aborted: AtomicBool,
    on_abort: Notify,
    lifecycle: Arc<Lifecycle>,
    /// The drivers, which wait for the last handler while the endpoint closes.
    drivers: Box<[Arc<WakeFlag>]>,
}

/// The permit of a running handler. Dropping it makes room for another.
pub(crate) struct HandlerPermit(Arc<Handlers>);

/// The endpoint closed and its grace for handlers has passed.
pub(crate) struct Aborted;

impl Handlers {
    pub(crate) fn new(limit: usize, lifecycle: Arc<Lifecycle>, drivers: Box<[Arc<WakeFlag>]>) -> Arc<Self> {
        let (running, is_aborted, on_abort) = (AtomicUsize::new(0), AtomicBool::new(false), Notify::new());
        Arc::new(Self { running, limit, is_aborted, on_abort, lifecycle, drivers })
    }

    /// Returns a permit for one more handler, or `None` at the limit.
    pub(crate) fn try_acquire(self: &Arc<Self>) -> Option<HandlerPermit> {
        // The count may exceed the limit for a moment. Only an attempt that fails as well can see
        // it.
        if self.running.fetch_add(1, Ordering::AcqRel) >= self.limit {
            self.running.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(HandlerPermit(Arc::clone(self)))
    }

    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }

    /// Aborts all handlers at their next await point.
    pub(crate) fn abort(&self) {
        self.is_aborted.store(true, Ordering::Release);
        self.on_abort.notify_waiters();
    }

    /// Runs a handler until it returns, panics or is aborted.
    pub(crate) async fn guard<T>(
        &self,
        trace: &Trace,
        handler: impl Future<Output = T>,
    ) -> Result<Result<T, Panicked>, Aborted> {
        let mut handler = pin!(handler);
        let mut on_abort = pin!(self.on_abort.notified());
        // Registered before the flag is first read, so that no notification is missed.
        on_abort.as_mut().enable();
        poll_fn(|cx| {
            if self.is_aborted.load(Ordering::Acquire) || on_abort.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Aborted));
            }
            trace.in_scope(|| catch_poll(handler.as_mut(), cx)).map(Ok)
        })
        .await
    }
}

impl Drop for HandlerPermit {
    fn drop(&mut self) {
        let Self(handlers) = self;
        if handlers.running.fetch_sub(1, Ordering::AcqRel) == 1 && handlers.lifecycle.is_closing() {
            handlers.drivers.iter().for_each(|driver| driver.set());
        }
    }
}
