//! The clock of an endpoint.

use std::time::{Duration, Instant};

/// Longer than any program runs: thirty years. Stands for an instant that `Instant` cannot
/// represent.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Returns the current time of tokio's clock, which a test may pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Returns the instant that is `duration` after `start`, or thirty years after it if that
/// overflows.
pub(crate) fn later(start: Instant, duration: Duration) -> Instant {
    start.checked_add(duration).unwrap_or(start + FOREVER)
}
