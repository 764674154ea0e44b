use super::referrers::ReferrerId;
use super::subnet_limits::SubnetIndex;
use crate::{Contact, Timestamp};

#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) contact: Contact,
    pub(super) subnet: SubnetIndex,
    /// How many nodes were asked, one after the other, to get to this one, itself included.
    pub(super) hops: u32,
    /// Who told of it; none for those that the lookup began with.
    pub(super) referrer: Option<ReferrerId>,
    pub(super) state: CandidateState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CandidateState {
    New,
    InFlight { unresponsive_at: Timestamp },
    Responded,
    Failed,
}
