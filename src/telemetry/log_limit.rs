use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::lock::Lock;

/// The limits on log lines that a peer can cause, so that no peer can fill a log or a disk.
#[derive(Debug, Default)]
pub(crate) struct LogLimits {
    pub(crate) panicked: LineLimit,
    pub(crate) session_hook: LineLimit,
    pub(crate) malformed: LineLimit,
    pub(crate) unencodable: LineLimit,
    #[cfg(feature = "secure")]
    pub(crate) unencodable_item: LineLimit,
    pub(crate) too_large: LineLimit,
    pub(crate) slow_method: LineLimit,
    #[cfg(feature = "tower")]
    pub(crate) rejected: LineLimit,
    pub(crate) response_budget: LineLimit,
    pub(crate) other_dialect: OnceOnly,
}

/// A limit of one line per second for one kind of line.
#[derive(Debug, Default)]
pub(crate) struct LineLimit {
    state: Lock<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    suppressed: u64,
}

impl LineLimit {
    const INTERVAL: Duration = Duration::from_secs(1);

    /// Returns the number of lines suppressed since the last one if a line may be written now, else
    /// `None`.
    pub(crate) fn pass(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock();
        if state.last.is_some_and(|last| now.saturating_duration_since(last) < Self::INTERVAL) {
            state.suppressed += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

/// A limit of one line in all.
#[derive(Debug, Default)]
pub(crate) struct OnceOnly {
    passed: AtomicBool,
}

impl OnceOnly {
    /// Returns whether this is the first call.
    pub(crate) fn pass(&self) -> bool {
        !self.passed.load(Ordering::Relaxed) && !self.passed.swap(true, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_passes_with_the_number_of_suppressed_lines() {
        let (limit, start) = (LineLimit::default(), Instant::now());
        let pass = |millis| limit.pass(start + Duration::from_millis(millis));
        assert_eq!(pass(0), Some(0));
        assert_eq!([pass(1), pass(500), pass(999)], [None; 3]);
        assert_eq!(pass(1_000), Some(3));
        assert_eq!(pass(1_001), None);
        // Threads may call this in another order than they read the clock.
        assert_eq!(pass(500), None);
        assert_eq!(pass(60_000), Some(2));
        assert_eq!(pass(120_000), Some(0));
    }

    #[test]
    fn one_line_passes_in_all() {
        let once = OnceOnly::default();
        assert_eq!([once.pass(), once.pass(), once.pass()], [true, false, false]);
    }
}
