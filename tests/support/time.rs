//! Durations, and virtual time.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// Returns a duration in milliseconds.
pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Builds a runtime on this thread with tokio's time paused: time advances only when every task
/// waits for a timer.
pub(crate) fn paused_runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}
