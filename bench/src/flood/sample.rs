use super::flooder::Condition;
use super::scenario::{Kind, Outcome};

/// A flood in one of the rounds.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) kind: Kind,
    pub(super) condition: Condition,
    pub(super) round: usize,
    pub(super) outcome: Outcome,
}
