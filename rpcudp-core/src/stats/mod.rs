//! Counters of an endpoint, and the snapshot that users read.

mod counters;
mod drop_reason;
mod snapshot;
mod stripe;

pub use counters::{Counter, Counters};
pub use drop_reason::DropReason;
pub use snapshot::{CallStats, DatagramStats, RequestStats, SessionStats, Stats};
