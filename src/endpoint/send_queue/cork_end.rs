use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock::now;

/// The time until which a cork holds back the datagrams of a send queue.
#[derive(Debug)]
pub(super) struct CorkEnd {
    began: Instant,
    /// In nanoseconds after `began`; 0 without a cork.
    end: AtomicU64,
}

impl CorkEnd {
    /// The time for which a cork holds back datagrams, if its thread is held up. Long beside the
    /// making of many calls, and short beside their timeouts.
    const MAX_TIME: Duration = Duration::from_millis(1);

    pub(super) fn new() -> Self {
        Self { began: now(), end: AtomicU64::new(0) }
    }

    /// Returns the end of the cork, unless there is none or its end has passed.
    pub(super) fn get(&self) -> Option<Instant> {
        let end = self.end.load(Ordering::Acquire);
        if end == 0 {
            return None;
        }
        let end = self.began + Duration::from_nanos(end);
        (now() < end).then_some(end)
    }

    /// Begins a cork, or prolongs it.
    pub(super) fn set(&self) {
        self.set_end(Self::MAX_TIME);
    }

    pub(super) fn set_end(&self, from_now: Duration) {
        let end = now().saturating_duration_since(self.began) + from_now;
        self.end.store(end.as_nanos() as u64, Ordering::Release);
    }

    /// Ends the cork.
    pub(super) fn clear(&self) {
        self.end.store(0, Ordering::Release);
    }
}
