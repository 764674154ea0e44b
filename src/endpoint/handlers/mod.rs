mod handler_table;
pub(crate) mod running_handler;
mod source_shares;

use std::future::{Future, poll_fn};
use std::mem;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Instant;

use rpcudp_core::MessageId;

use self::handler_table::HandlerTable;
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
    table: Lock<HandlerTable>,
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
    /// The key of the handler in the table.
    key: usize,
    handler: Arc<RunningHandler>,
}

/// The reason why a request gets no handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// A limit of handlers is reached.
    Busy,
    /// The caller's cancel frame arrived before the request.
    Cancelled,
}

/// The conditions under which a handler ends before it returns, apart from the endpoint's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The time from which [`Handlers::abort_expired`] aborts the handler.
    pub(crate) expiry: Option<Instant>,
    /// Whether the handler ends if its caller cancels the request.
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
            table: Lock::new(HandlerTable::new(limit, secret)),
            lifecycle,
            drivers,
        })
    }

    /// Returns a permit for one more handler. `request` is the id and source of a request that its
    /// caller may cancel.
    ///
    /// # Errors
    ///
    /// At a limit, and if the caller has cancelled the request.
    pub(crate) fn try_acquire(
        self: &Arc<Self>,
        origin: Origin,
        request: Option<(MessageId, SocketAddr)>,
    ) -> Result<HandlerPermit, Denied> {
        // The counts may exceed their limits for a moment. Only an attempt that fails as well can
        // see it.
        let running = self.running.fetch_add(1, Ordering::AcqRel);
        let own = origin.source_hash().map(|hash| {
            self.limited.fetch_add(1, Ordering::AcqRel);
            self.shares.add(hash)
        });
        let denied = if self.admits(origin, running, own.unwrap_or(0)) {
            let added = self.table.lock().add(request);
            match added {
                Some((key, handler)) => {
                    return Ok(HandlerPermit { handlers: Arc::clone(self), origin, key, handler });
                }
                None => Denied::Cancelled,
            }
        } else {
            Denied::Busy
        };
        self.release(origin);
        Err(denied)
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

    /// Cancels the handlers of a request, on behalf of its caller. Returns whether one was running.
    pub(crate) fn cancel(&self, id: MessageId, source: SocketAddr) -> bool {
        let cancelled = self.table.lock().cancel(id, source);
        // Wakers may run an executor's code: not under the lock.
        cancelled.iter().for_each(|handler| handler.cancel());
        !cancelled.is_empty()
    }

    /// Wakes all handlers, to check whether they must end.
    fn check_all(&self) {
        let handlers = self.table.lock().all();
        handlers.iter().for_each(|handler| handler.on_check.set());
    }
}

impl HandlerPermit {
    /// Returns the state of the handler that others change.
    pub(crate) fn handler(&self) -> &Arc<RunningHandler> {
        &self.handler
    }

    /// Returns the reason for which the handler must end now, if there is one. Reads the time only
    /// if the handler was woken to check it.
    fn reason_to_end(&self, bounds: Bounds, reads_time: bool) -> Option<Aborted> {
        if self.handlers.is_aborted.load(Ordering::Acquire) {
            return Some(Aborted::Closed);
        }
        if bounds.ends_if_cancelled && self.handler.is_cancelled() {
            return Some(Aborted::Cancelled);
        }
        let has_expired = reads_time && bounds.expiry.is_some_and(|expiry| now() >= expiry);
        has_expired.then_some(Aborted::TimedOut)
    }

    /// Runs the handler until it returns, panics or must end. It is dropped before this completes.
    pub(crate) async fn guard<T>(
        &self,
        trace: &Trace,
        bounds: Bounds,
        handler: impl Future<Output = T>,
    ) -> Result<Result<T, Panicked>, Aborted> {
        let on_check = &self.handler.on_check;
        let mut handler = pin!(Some(handler));
        let (mut is_first, mut is_registered) = (true, false);
        let end = poll_fn(|cx| {
            let is_flagged = on_check.take();
            let checks = mem::take(&mut is_first) || is_flagged;
            if checks && let Some(aborted) = self.reason_to_end(bounds, is_flagged) {
                // A panic while the handler is dropped costs no more than its own request.
                let _ = trace.in_scope(|| catch(|| handler.set(None)));
                return Poll::Ready(Err(aborted));
            }
            let running = handler.as_mut().as_pin_mut().expect("a handler that has ended is not polled");
            let polled = trace.in_scope(|| catch_poll(running, cx));
            // Most handlers return at the first poll. The same task polls the others again.
            if polled.is_pending() && !mem::replace(&mut is_registered, true) {
                on_check.register(cx.waker().clone());
                if on_check.is_set() {
                    // It was set before the task was registered.
                    cx.waker().wake_by_ref();
                }
            }
            polled.map(Ok)
        })
        .await;
        if is_registered {
            on_check.unregister();
        }
        end
    }
}

impl Drop for HandlerPermit {
    fn drop(&mut self) {
        let Self { handlers, origin, key, .. } = self;
        handlers.table.lock().remove(*key);
        if handlers.release(*origin) == 1 && handlers.lifecycle.is_closing() {
            handlers.drivers.iter().for_each(|driver| driver.set());
        }
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
            permits.extend(origins.iter().filter_map(|origin| handlers.try_acquire(*origin, None).ok()));
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
            assert!(handlers.try_acquire(Origin::Unvalidated(1_000), None).is_ok(), "{source_count} sources");
        }
    }

    #[test]
    fn last_eighth_is_for_validated_sources() {
        let handlers = handlers(1_024);
        let forged: Vec<_> = (0..4_000).map(Origin::Unvalidated).collect();
        let permits = take_all(&handlers, &forged);
        assert_eq!((permits.len(), handlers.running()), (896, 896));
        assert!(handlers.try_acquire(Origin::Unvalidated(4_001), None).is_err());
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
