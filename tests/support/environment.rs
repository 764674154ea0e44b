//! Numbers that environment variables set.

use std::ops::Range;

/// Returns the number that an environment variable holds, or `None` if it is not set.
pub(crate) fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} must be a number, and is `{value}`")))
}

/// Returns the seeds to run: as many as `RPCUDP_SEEDS` says, or the default count.
pub(crate) fn seeds(default_count: u64) -> Range<u64> {
    0..variable("RPCUDP_SEEDS").unwrap_or(default_count)
}
