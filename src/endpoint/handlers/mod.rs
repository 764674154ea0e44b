pub(crate) mod running_handler;
mod source_shares;

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::Instant;

use rpcudp_core::{MessageId, RunningRequests};

use self::running_handler::RunningHandler;
use self::source_shares::SourceShares;
use super::lifecycle::Lifecycle;
use crate::clock::now;
use crate::lock::Lock;
use crate::panic::{Panicked, catch, catch_poll};
use crate::telemetry::trace::Trace;
use crate::wake_flag::WakeFlag;

/// The async handlers of an endpoint: their number, their limits, and the means to abort or cancel
/// them.
///
/// The limits keep a few sources from taking all handlers:
///
/// - A source may have fewer handlers than are left, so that however many sources take as many as
///   they can, some are left for others.
/// - While more than half of all handlers run, a source with more than an eighth gets no further
///   one.
/// - The last eighth is for validated sources, whose addresses are not forged.
///
/// Sources that the limits do not apply to are exempt.
#[derive(Debug)]
pub(crate) struct Handlers {
    running: AtomicUsize,
    /// The handlers of sources that are not exempt.
    limited: AtomicUsize,
    limit: usize,
    shares: SourceShares,
    is_aborted: AtomicBool,
    /// The handlers that wait for something. A handler that returns at its first poll is never in
    /// it.
    waiting: Lock<RunningRequests<Arc<RunningHandler>>>,
    /// Whether a cancel frame has ever arrived.
    has_cancels: AtomicBool,
    lifecycle: Arc<Lifecycle>,
    /// The drivers, which wait for the last handler while the endpoint closes.
    drivers: Box<[Arc<WakeFlag>]>,
}

/// The origin of a request, as the limits see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The limits do not apply to the source.
    Exempt,
    /// An unvalidated source, with its hash.
    Unvalidated(u64),
    /// A validated source, with its hash.
    Validated(u64),
}

/// The permit of a running handler. Dropping it makes room for another.
pub(crate) struct HandlerPermit {
    handlers: Arc<Handlers>,
    origin: Origin,
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

impl Origin {
    /// Returns the hash of a source that is not exempt.
    fn source_hash(self) -> Option<u64> {
        match self {
            Self::Exempt => None,
            Self::Unvalidated(hash) | Self::Validated(hash) => Some(hash),
        }
    }
}

impl Handlers {
    /// The smallest limit that is shared among sources. A smaller one has no useful eighths.
    const MIN_SHARED_LIMIT: usize = 16;

    /// `secret` is a random number of the endpoint.
    pub(crate) fn new(
        limit: usize,
        secret: u64,
        lifecycle: Arc<Lifecycle>,
        drivers: Box<[Arc<WakeFlag>]>,
    ) -> Arc<Self> {
        Arc::new(Self {
            running: AtomicUsize::new(0),
            limited: AtomicUsize::new(0),
            limit,
            shares: SourceShares::new(),
            is_aborted: AtomicBool::new(false),
            waiting: Lock::new(RunningRequests::new(limit, secret)),
            has_cancels: AtomicBool::new(false),
            lifecycle,
            drivers,
        })
    }

    /// Returns a permit for one more handler, or `None` at a limit.
    pub(crate) fn try_acquire(self: &Arc<Self>, origin: Origin) -> Option<HandlerPermit> {
        // The counts may exceed their limits for a moment. Only an attempt that fails as well can
        // see it.
        let running = self.running.fetch_add(1, Ordering::AcqRel);
        let own = origin.source_hash().map(|hash| {
            self.limited.fetch_add(1, Ordering::AcqRel);
            self.shares.add(hash)
        });
        if self.admits(origin, running, own.unwrap_or(0)) {
            let handler = Some(RunningHandler::take());
            return Some(HandlerPermit { handlers: Arc::clone(self), origin, handler });
        }
        self.release(origin);
        None
    }

    /// Returns whether a request may have a handler, while `running` others run, of which `own` are
    /// of its source.
    fn admits(&self, origin: Origin, running: usize, own: usize) -> bool {
        if origin == Origin::Exempt || self.limit < Self::MIN_SHARED_LIMIT {
            return running < self.limit;
        }
        let reserve = if matches!(origin, Origin::Validated(_)) { 0 } else { self.limit / 8 };
        let left = (self.limit - reserve).saturating_sub(running);
        own < left && (running <= self.limit / 2 || own <= self.limit / 8)
    }

    /// Counts a handler as ended. Returns the number that ran, this one included.
    fn release(&self, origin: Origin) -> usize {
        if let Some(hash) = origin.source_hash() {
            self.shares.remove(hash);
            self.limited.fetch_sub(1, Ordering::AcqRel);
        }
        self.running.fetch_sub(1, Ordering::AcqRel)
    }

    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }

    /// Returns whether a handler runs that may not run for ever.
    pub(crate) fn has_limited(&self) -> bool {
        self.limited.load(Ordering::Relaxed) > 0
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
        let Self { handlers, origin, handler } = self;
        handler.take().into_iter().for_each(RunningHandler::give);
        if handlers.release(*origin) == 1 && handlers.lifecycle.is_closing() {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn handlers(limit: usize) -> Arc<Handlers> {
        Handlers::new(limit, 7, Arc::default(), Box::default())
    }

    /// Takes as many permits as there are for each of these sources, one for each in turn.
    fn take_all(handlers: &Arc<Handlers>, origins: &[Origin]) -> Vec<HandlerPermit> {
        let mut permits = Vec::new();
        loop {
            let count = permits.len();
            permits.extend(origins.iter().filter_map(|origin| handlers.try_acquire(*origin)));
            if permits.len() == count {
                return permits;
            }
        }
    }

    #[test]
    fn greedy_sources_leave_handlers_to_others() {
        for (source_count, taken) in [(1, 448), (2, 514), (8, 800), (32, 870), (100, 890)] {
            let handlers = handlers(1_024);
            let origins: Vec<_> = (1..=source_count).map(Origin::Unvalidated).collect();
            let permits = take_all(&handlers, &origins);
            assert!(permits.len() <= taken, "{source_count} sources have {}", permits.len());
            assert!(handlers.try_acquire(Origin::Unvalidated(1_000)).is_some(), "{source_count} sources");
        }
    }

    #[test]
    fn last_eighth_is_for_validated_sources() {
        let handlers = handlers(1_024);
        let forged: Vec<_> = (0..4_000).map(Origin::Unvalidated).collect();
        let permits = take_all(&handlers, &forged);
        assert_eq!((permits.len(), handlers.running()), (896, 896));
        assert!(handlers.try_acquire(Origin::Unvalidated(4_001)).is_none());
        let validated = take_all(&handlers, &[Origin::Validated(4_002)]);
        assert_eq!(validated.len(), 64, "half of what is left");
        let exempt = take_all(&handlers, &[Origin::Exempt]);
        assert_eq!(exempt.len(), 64);
        drop((permits, validated, exempt));
        assert_eq!((handlers.running(), handlers.has_limited()), (0, false));
        assert!(handlers.shares.add(4_002) == 0, "nothing is left of ended handlers");
    }

    #[test]
    fn few_handlers_are_not_shared() {
        let handlers = handlers(2);
        assert_eq!(take_all(&handlers, &[Origin::Unvalidated(1)]).len(), 2);
    }
}
