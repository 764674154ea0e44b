use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::origin::Origin;
use super::source_shares::SourceShares;

/// The number of running handlers of one kind, and its limit.
///
/// The limit keeps a few sources from taking all handlers:
///
/// - A source may have fewer handlers than are left, so that however many sources take as many as
///   they can, some are left for others.
/// - While more than half of all handlers run, a source with more than an eighth gets no further
///   one.
/// - The last eighth is for validated sources, whose addresses are not forged.
///
/// Sources that the limits do not apply to are exempt.
#[derive(Debug)]
pub(super) struct Quota {
    running: AtomicUsize,
    /// The handlers of sources that are not exempt.
    limited: AtomicUsize,
    limit: usize,
    /// Made for the first request of a source that is not exempt.
    shares: LazyLock<SourceShares>,
}

impl Quota {
    /// The smallest limit that is shared among sources. A smaller one has no useful eighths.
    const MIN_SHARED_LIMIT: usize = 16;

    pub(super) fn new(limit: usize) -> Self {
        Self {
            running: AtomicUsize::new(0),
            limited: AtomicUsize::new(0),
            limit,
            shares: LazyLock::new(SourceShares::new),
        }
    }

    /// Counts one more handler. Returns `false` at a limit.
    pub(super) fn try_acquire(&self, origin: Origin) -> bool {
        // The counts may exceed their limits for a moment. Only an attempt that fails as well can
        // see it.
        let running = self.running.fetch_add(1, Ordering::AcqRel);
        let own = origin.source_hash().map(|hash| {
            self.limited.fetch_add(1, Ordering::AcqRel);
            self.shares.add(hash)
        });
        let is_admitted = self.admits(origin, running, own.unwrap_or(0));
        if !is_admitted {
            self.release(origin);
        }
        is_admitted
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
    pub(super) fn release(&self, origin: Origin) -> usize {
        if let Some(hash) = origin.source_hash() {
            self.shares.remove(hash);
            self.limited.fetch_sub(1, Ordering::AcqRel);
        }
        self.running.fetch_sub(1, Ordering::AcqRel)
    }

    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }

    /// Returns whether a handler of a source that is not exempt runs.
    pub(super) fn has_limited(&self) -> bool {
        self.limited.load(Ordering::Relaxed) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes as many handlers as there are for each of these sources, one for each in turn. Returns
    /// their origins.
    fn take_all(quota: &Quota, origins: &[Origin]) -> Vec<Origin> {
        let mut taken = Vec::new();
        loop {
            let count = taken.len();
            taken.extend(origins.iter().copied().filter(|origin| quota.try_acquire(*origin)));
            if taken.len() == count {
                return taken;
            }
        }
    }

    #[test]
    fn greedy_sources_leave_handlers_to_others() {
        for (source_count, limit) in [(1, 448), (2, 514), (8, 800), (32, 870), (100, 890)] {
            let quota = Quota::new(1_024);
            let origins: Vec<_> = (1..=source_count).map(Origin::Unvalidated).collect();
            let taken = take_all(&quota, &origins);
            assert!(taken.len() <= limit, "{source_count} sources have {}", taken.len());
            assert!(quota.try_acquire(Origin::Unvalidated(1_000)), "{source_count} sources");
        }
    }

    #[test]
    fn last_eighth_is_for_validated_sources() {
        let quota = Quota::new(1_024);
        let forged: Vec<_> = (0..4_000).map(Origin::Unvalidated).collect();
        let taken = take_all(&quota, &forged);
        assert_eq!((taken.len(), quota.running()), (896, 896));
        assert!(!quota.try_acquire(Origin::Unvalidated(4_001)));
        let validated = take_all(&quota, &[Origin::Validated(4_002)]);
        assert_eq!(validated.len(), 64, "half of what is left");
        let exempt = take_all(&quota, &[Origin::Exempt]);
        assert_eq!(exempt.len(), 64);
        for origin in [taken, validated, exempt].concat() {
            quota.release(origin);
        }
        assert_eq!((quota.running(), quota.has_limited()), (0, false));
        assert!(quota.shares.add(4_002) == 0, "nothing is left of ended handlers");
    }

    #[test]
    fn few_handlers_are_not_shared() {
        assert_eq!(take_all(&Quota::new(2), &[Origin::Unvalidated(1)]).len(), 2);
    }
}
