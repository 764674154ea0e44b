mod source_shares;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Instant;

use tokio::sync::Notify;

use self::source_shares::SourceShares;
use super::lifecycle::Lifecycle;
use crate::clock::now;
use crate::panic::{Panicked, catch_poll};
use crate::telemetry::trace::Trace;
use crate::wake_flag::WakeFlag;

/// The async handlers of an endpoint: their number, their limits, and the means to abort them.
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
    /// Wakes all handlers, to check whether they are aborted or have run too long.
    on_check: Notify,
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
}

/// The reason why a handler was aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aborted {
    /// The endpoint closed and its grace for handlers has passed.
    Closed,
    /// The handler ran longer than it may.
    TimedOut,
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

    pub(crate) fn new(limit: usize, lifecycle: Arc<Lifecycle>, drivers: Box<[Arc<WakeFlag>]>) -> Arc<Self> {
        Arc::new(Self {
            running: AtomicUsize::new(0),
            limited: AtomicUsize::new(0),
            limit,
            shares: SourceShares::new(),
            is_aborted: AtomicBool::new(false),
            on_check: Notify::new(),
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
            return Some(HandlerPermit { handlers: Arc::clone(self), origin });
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
        self.on_check.notify_waiters();
    }

    /// Aborts the handlers that have run too long, at their next await point.
    pub(crate) fn abort_expired(&self) {
        self.on_check.notify_waiters();
    }

    /// Runs a handler until it returns, panics or is aborted. From `expiry` on,
    /// [`abort_expired`](Self::abort_expired) aborts it.
    pub(crate) async fn guard<T>(
        &self,
        trace: &Trace,
        expiry: Option<Instant>,
        handler: impl Future<Output = T>,
    ) -> Result<Result<T, Panicked>, Aborted> {
        let mut handler = pin!(handler);
        let mut on_check = pin!(self.on_check.notified());
        // Registered before the flag is first read, so that no notification is missed.
        on_check.as_mut().enable();
        poll_fn(|cx| {
            loop {
                if self.is_aborted.load(Ordering::Acquire) {
                    return Poll::Ready(Err(Aborted::Closed));
                }
                if on_check.as_mut().poll(cx).is_pending() {
                    break;
                }
                if expiry.is_some_and(|expiry| now() >= expiry) {
                    return Poll::Ready(Err(Aborted::TimedOut));
                }
                on_check.set(self.on_check.notified());
            }
            trace.in_scope(|| catch_poll(handler.as_mut(), cx)).map(Ok)
        })
        .await
    }
}

impl Drop for HandlerPermit {
    fn drop(&mut self) {
        let Self { handlers, origin } = self;
        if handlers.release(*origin) == 1 && handlers.lifecycle.is_closing() {
            handlers.drivers.iter().for_each(|driver| driver.set());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handlers(limit: usize) -> Arc<Handlers> {
        Handlers::new(limit, Arc::default(), Box::default())
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
