use super::flooder::Condition;
use super::kind::Kind;
use super::scenario::Outcome;

/// A flood under one condition in one round.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) kind: Kind,
    pub(super) condition: Condition,
    pub(super) round: usize,
    pub(super) outcome: Outcome,
}
