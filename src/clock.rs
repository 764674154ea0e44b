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

/// Returns a time in milliseconds that advances every few milliseconds, for a fifth of the cost of
/// [`now`]. It is the system's clock, which a test cannot pause.
pub(crate) fn coarse_millis() -> u64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Ok(time) = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC_COARSE) {
        return time.tv_sec().cast_unsigned() * 1_000 + time.tv_nsec().cast_unsigned() / 1_000_000;
    }
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed().as_millis() as u64
}
