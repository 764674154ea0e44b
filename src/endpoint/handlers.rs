use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use tokio::sync::Notify;

use crate::endpoint::shared::Shared;
use crate::server::response::Panicked;
use crate::telemetry::trace::Trace;

/// The async handlers that run: how many there are, and how to stop them.
#[derive(Debug)]
pub(crate) struct Handlers {
    running: AtomicUsize,
    limit: usize,
    aborted: AtomicBool,
    on_abort: Notify,
}

/// A handler that runs; dropping it makes room for another.
pub(crate) struct Running(Arc<Shared>);

/// The endpoint closed and would wait for a handler no longer.
pub(crate) struct Aborted;

impl Handlers {
    pub(crate) fn new(limit: usize) -> Self {
        Self { running: AtomicUsize::new(0), limit, aborted: AtomicBool::new(false), on_abort: Notify::new() }
    }

    /// Makes place for one more, unless there are as many as may be.
    pub(crate) fn start(shared: &Arc<Shared>) -> Option<Running> {
        let Self { running, limit, .. } = &shared.handlers;
        // One too many is seen for a moment, and only by another that would be too many as well.
        if running.fetch_add(1, Ordering::AcqRel) >= *limit {
            running.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(Running(Arc::clone(shared)))
    }

    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }

    /// Stops those that run, where they next wait for something.
    pub(crate) fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        self.on_abort.notify_waiters();
    }

    /// Runs a handler to its end, a panic or the end of the endpoint.
    pub(crate) async fn guard<T>(
        &self,
        trace: &Trace,
        handler: impl Future<Output = T>,
    ) -> Result<Result<T, Panicked>, Aborted> {
        let mut handler = pin!(handler);
        let mut on_abort = pin!(self.on_abort.notified());
        // Registered before the flag is read for the first time, so that nothing is missed in between.
        on_abort.as_mut().enable();
        poll_fn(|cx| {
            if self.aborted.load(Ordering::Acquire) || on_abort.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Aborted));
            }
            let polled = trace.in_scope(|| catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))));
            match polled {
                Ok(polled) => polled.map(|returned| Ok(Ok(returned))),
                Err(_) => Poll::Ready(Ok(Err(Panicked))),
            }
        })
        .await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Self(shared) = self;
        if shared.handlers.running.fetch_sub(1, Ordering::AcqRel) == 1 && shared.lifecycle.is_closing() {
            shared.outboxes.wake_all();
        }
    }
}
