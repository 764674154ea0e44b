mod delay_permit;
mod origin;
mod quota;
pub(crate) mod running_handler;
mod source_shares;

#[cfg(feature = "secure")]
use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::Instant;

use rpcudp_core::{MessageId, RunningRequests};

pub(crate) use self::origin::Origin;
use self::quota::Quota;
use self::running_handler::RunningHandler;
use super::lifecycle::Lifecycle;
use crate::clock::now;
use crate::lock::Lock;
use crate::panic::{Panicked, catch, catch_poll};
use crate::telemetry::trace::Trace;
use crate::wake_flag::WakeFlag;

/// The async and blocking handlers of an endpoint: their number, their limits, and the means to
/// abort the async ones or cancel them.
#[derive(Debug)]
pub(crate) struct Handlers {
    tasks: Quota,
    blocking: Quota,
    /// The permits that exist: handlers that run, and responses of ended ones that are being sent.
    permit_count: AtomicUsize,
    is_aborted: AtomicBool,
    /// The handlers that wait for something. A handler that returns at its first poll is never in
    /// it.
    waiting: Lock<RunningRequests<Arc<RunningHandler>>>,
    /// Whether a cancel frame has ever arrived.
    has_cancels: AtomicBool,
    /// The length of the responses that wait to be sent, with the overhead of each.
    delayed_len: AtomicUsize,
    lifecycle: Arc<Lifecycle>,
    /// The drivers, which wait for the last handler while the endpoint closes.
    drivers: Box<[Arc<WakeFlag>]>,
}

/// The kind of a handler, each of which has a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandlerKind {
    /// A task: an async method, or a request that passes layers.
    Task,
    /// A method on a thread that may block. It cannot be aborted.
    Blocking,
}

/// The permit of a running handler. Dropping it makes room for another handler, and lets the
/// endpoint close.
pub(crate) struct HandlerPermit {
    handlers: Arc<Handlers>,
    /// The room that the handler takes, unless it was given to another.
    room: Option<(HandlerKind, Origin)>,
    /// Taken when the permit is dropped.
    handler: Option<Arc<RunningHandler>>,
}

/// A handler that waits for something, so that others must find it.
struct WaitingHandler<'a> {
    handlers: &'a Handlers,
    key: usize,
    handler: &'a RunningHandler,
}

/// The conditions under which a handler ends before it returns, apart from the endpoint's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The time from which [`Handlers::abort_expired`] aborts the handler.
    pub(crate) expiry: Option<Instant>,
    /// The id and source of a request that its caller may cancel.
    pub(crate) request: Option<(MessageId, SocketAddr)>,
    /// Whether a handler that has begun ends if its caller cancels the request.
    pub(crate) ends_if_cancelled: bool,
}

/// The reason why a handler was ended before it returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aborted {
    /// The endpoint closed and its grace for handlers has passed.
    Closed,
    /// The handler ran longer than it may.
    TimedOut,
    /// The caller cancelled the request.
    Cancelled,
}

impl Handlers {
    /// Creates the handlers with the limits of tasks and of blocking handlers. `secret` is a random
    /// number of the endpoint.
    pub(crate) fn new(
        [tasks, blocking]: [usize; 2],
        secret: u64,
        lifecycle: Arc<Lifecycle>,
        drivers: Box<[Arc<WakeFlag>]>,
    ) -> Arc<Self> {
        Arc::new(Self {
            tasks: Quota::new(tasks),
            blocking: Quota::new(blocking),
            permit_count: AtomicUsize::new(0),
            is_aborted: AtomicBool::new(false),
            waiting: Lock::new(RunningRequests::new(tasks.saturating_add(blocking), secret)),
            has_cancels: AtomicBool::new(false),
            delayed_len: AtomicUsize::new(0),
            lifecycle,
            drivers,
        })
    }

    /// Returns a permit for one more handler, or `None` at a limit.
    pub(crate) fn try_acquire(self: &Arc<Self>, kind: HandlerKind, origin: Origin) -> Option<HandlerPermit> {
        if !self.quota(kind).try_acquire(origin) {
            return None;
        }
        self.permit_count.fetch_add(1, Ordering::AcqRel);
        let handler = Some(RunningHandler::take());
        Some(HandlerPermit { handlers: Arc::clone(self), room: Some((kind, origin)), handler })
    }

    /// Returns the number of running handlers of a kind.
    pub(crate) fn running(&self, kind: HandlerKind) -> usize {
        self.quota(kind).running()
    }

    /// Returns whether no handler runs, and no response of one is being sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.permit_count.load(Ordering::Acquire) == 0
    }

    /// Returns whether a handler runs that may not run for ever, and can be aborted.
    pub(crate) fn has_limited(&self) -> bool {
        self.tasks.has_limited()
    }

    fn quota(&self, kind: HandlerKind) -> &Quota {
        match kind {
            HandlerKind::Task => &self.tasks,
            HandlerKind::Blocking => &self.blocking,
        }
    }

    /// Aborts all handlers at their next await point.
    pub(crate) fn abort(&self) {
        self.is_aborted.store(true, Ordering::Release);
        self.check_all();
    }

    /// Aborts the handlers that have run too long, at their next await point.
    pub(crate) fn abort_expired(&self) {
        self.check_all();
    }

    /// Cancels the handlers of a request, on behalf of its caller. Returns whether one was waiting.
    pub(crate) fn cancel(&self, id: MessageId, source: SocketAddr) -> bool {
        self.has_cancels.store(true, Ordering::Release);
        let mut cancelled = Vec::new();
        self.waiting.lock().cancel(id, source, |handler| cancelled.push(Arc::clone(handler)));
        // Wakers may run an executor's code: not under the lock.
        cancelled.iter().for_each(|handler| handler.cancel());
        !cancelled.is_empty()
    }

    /// Adds the sources of the requests to `sources` of which a handler waits and may be cancelled,
    /// if they satisfy the condition.
    #[cfg(feature = "secure")]
    pub(crate) fn add_sources(&self, sources: &mut HashSet<SocketAddr>, condition: impl Fn(SocketAddr) -> bool) {
        sources.extend(self.waiting.lock().sources().filter(|source| condition(*source)));
    }

    /// Wakes all handlers that wait, to check whether they must end.
    fn check_all(&self) {
        let handlers: Vec<_> = self.waiting.lock().iter().map(Arc::clone).collect();
        handlers.iter().for_each(|handler| handler.on_check.set());
    }

    /// Returns whether a cancel frame for a request has arrived. Takes no lock at an endpoint that
    /// has never received one.
    fn was_cancelled(&self, request: Option<(MessageId, SocketAddr)>) -> bool {
        let request = request.filter(|_| self.has_cancels.load(Ordering::Acquire));
        request.is_some_and(|(id, source)| self.waiting.lock().was_cancelled(id, source))
    }
}

impl HandlerPermit {
    /// Returns the state of the handler that others change.
    pub(crate) fn handler(&self) -> &Arc<RunningHandler> {
        self.handler.as_ref().expect("a permit has it until it is dropped")
    }

    /// Makes room for another handler before the response is sent, because the caller may follow it
    /// with the next request at once. The endpoint does not close before the permit is dropped.
    pub(crate) fn make_room(&mut self) {
        if let Some((kind, origin)) = self.room.take() {
            self.handlers.quota(kind).release(origin);
        }
    }

    /// Runs code that blocks its thread, unless the request has ended while it waited for a thread.
    ///
    /// # Errors
    ///
    /// The reason why the code did not run.
    pub(crate) fn run_blocking<T>(&self, bounds: Bounds, code: impl FnOnce() -> T) -> Result<T, Aborted> {
        if self.handlers.is_aborted.load(Ordering::Acquire) {
            return Err(Aborted::Closed);
        }
        if self.handlers.was_cancelled(bounds.request) {
            return Err(Aborted::Cancelled);
        }
        // The code sees in its context if its caller cancels the request from now on.
        let _waiting = self.wait(bounds, Waker::noop());
        Ok(code())
    }

    /// Returns the reason for which the handler must end now, if there is one. Reads the time only
    /// if the handler was woken to check it.
    fn reason_to_end(&self, bounds: Bounds, reads_time: bool) -> Option<Aborted> {
        if self.handlers.is_aborted.load(Ordering::Acquire) {
            return Some(Aborted::Closed);
        }
        if bounds.ends_if_cancelled && self.handler().is_cancelled() {
            return Some(Aborted::Cancelled);
        }
        let has_expired = reads_time && bounds.expiry.is_some_and(|expiry| now() >= expiry);
        has_expired.then_some(Aborted::TimedOut)
    }

    /// Makes the handler known to the driver and to its caller, who may have cancelled the request
    /// since it began. `waker` wakes its task.
    fn wait(&self, bounds: Bounds, waker: &Waker) -> WaitingHandler<'_> {
        let handler = self.handler();
        // Registered before others find the handler, so that they wake the task.
        handler.on_check.register(waker.clone());
        let mut waiting = self.handlers.waiting.lock();
        let was_cancelled = bounds.request.is_some_and(|(id, source)| waiting.was_cancelled(id, source));
        let key = waiting.insert(bounds.request.filter(|_| !was_cancelled), Arc::clone(handler));
        drop(waiting);
        if was_cancelled {
            handler.cancel();
        }
        WaitingHandler { handlers: &self.handlers, key, handler }
    }

    /// Runs the handler until it returns, panics or must end. It is dropped before this completes.
    pub(crate) async fn guard<T>(
        &self,
        trace: &Trace,
        bounds: Bounds,
        handler: impl Future<Output = T>,
    ) -> Result<Result<T, Panicked>, Aborted> {
        if self.handlers.was_cancelled(bounds.request) {
            // It has not begun, so a handler of any delivery may end here.
            let _ = trace.in_scope(|| catch(|| drop(handler)));
            return Err(Aborted::Cancelled);
        }
        let mut handler = pin!(Some(handler));
        let mut waiting = None;
        poll_fn(|cx| {
            let is_flagged = self.handler().on_check.take();
            let mut aborted = None;
            if waiting.is_none() || is_flagged {
                aborted = self.reason_to_end(bounds, is_flagged);
            }
            if aborted.is_none() {
                let running = handler.as_mut().as_pin_mut().expect("a handler that has ended is not polled");
                let polled = trace.in_scope(|| catch_poll(running, cx));
                if polled.is_ready() || waiting.is_some() {
                    return polled.map(Ok);
                }
                // The same task polls the handler again.
                waiting = Some(self.wait(bounds, cx.waker()));
                aborted = self.reason_to_end(bounds, false);
            }
            let Some(aborted) = aborted else { return Poll::Pending };
            // A panic while the handler is dropped costs no more than its own request.
            let _ = trace.in_scope(|| catch(|| handler.set(None)));
            Poll::Ready(Err(aborted))
        })
        .await
    }
}

impl Drop for HandlerPermit {
    fn drop(&mut self) {
        self.make_room();
        let Self { handlers, handler, .. } = self;
        handler.take().into_iter().for_each(RunningHandler::give);
        if handlers.permit_count.fetch_sub(1, Ordering::AcqRel) == 1 && handlers.lifecycle.is_closing() {
            handlers.drivers.iter().for_each(|driver| driver.set());
        }
    }
}

impl Drop for WaitingHandler<'_> {
    fn drop(&mut self) {
        self.handlers.waiting.lock().remove(self.key);
        self.handler.on_check.unregister();
    }
}
