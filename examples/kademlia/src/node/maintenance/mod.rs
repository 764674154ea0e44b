//! The background tasks of a node: checks of contacts, handover of values to new contacts, and the
//! refresh of buckets and records.

mod checks;
mod hand_over;
mod refresh;

pub(super) use checks::{run_checks, run_introductions};
pub(super) use hand_over::hand_over;
pub(super) use refresh::refresh;
