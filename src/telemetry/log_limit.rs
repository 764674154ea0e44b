use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Which of the lines that a peer can cause may be written: no stranger fills a log, nor a disk with it.
#[derive(Debug, Default)]
pub(crate) struct LogLimits {
    pub(crate) panicked: LineLimit,
    pub(crate) unencodable: LineLimit,
    pub(crate) too_large: LineLimit,
    #[cfg(feature = "tower")]
    pub(crate) rejected: LineLimit,
    pub(crate) other_dialect: OnceOnly,
}

/// One line a second, for a kind of line.
#[derive(Debug, Default)]
pub(crate) struct LineLimit {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    suppressed: u64,
}

impl LineLimit {
    const INTERVAL: Duration = Duration::from_secs(1);

    /// How many lines were suppressed since the last one, if one may be written now.
    pub(crate) fn pass(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.saturating_duration_since(last) < Self::INTERVAL) {
            state.suppressed += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

/// One line, and no other.
#[derive(Debug, Default)]
pub(crate) struct OnceOnly {
    passed: AtomicBool,
}

impl OnceOnly {
    pub(crate) fn pass(&self) -> bool {
        !self.passed.load(Ordering::Relaxed) && !self.passed.swap(true, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_passes_and_says_how_many_did_not() {
        let (limit, start) = (LineLimit::default(), Instant::now());
        let pass = |millis| limit.pass(start + Duration::from_millis(millis));
        assert_eq!(pass(0), Some(0));
        assert_eq!([pass(1), pass(500), pass(999)], [None; 3]);
        assert_eq!(pass(1_000), Some(3));
        assert_eq!(pass(1_001), None);
        // Threads may see the time in another order than they get here.
        assert_eq!(pass(500), None);
        assert_eq!(pass(60_000), Some(2));
        assert_eq!(pass(120_000), Some(0));
    }

    #[test]
    fn one_passes() {
        let once = OnceOnly::default();
        assert_eq!([once.pass(), once.pass(), once.pass()], [true, false, false]);
    }
}
