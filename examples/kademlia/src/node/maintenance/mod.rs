//! What a node does without being asked: it meets strangers, hands values to newcomers, and keeps everything fresh.

mod checks;
mod hand_over;
mod refresh;

pub(super) use checks::run_checks;
pub(super) use hand_over::hand_over;
pub(super) use refresh::refresh;
