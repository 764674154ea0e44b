use super::referrers::ReferrerId;
use super::subnet_limits::SubnetIndex;
use crate::{Contact, Timestamp};

/// A contact that a lookup may query.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) contact: Contact,
    pub(super) subnet: SubnetIndex,
    /// The number of successive queries that lead to this node, its own included.
    pub(super) hops: u32,
    /// The node whose response contained the contact, or `None` for a seed.
    pub(super) referrer: Option<ReferrerId>,
    pub(super) state: CandidateState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CandidateState {
    /// Not queried yet.
    New,
    /// Queried. From `unresponsive_at` on, the lookup does not wait for the response.
    InFlight {
        unresponsive_at: Timestamp,
    },
    Responded,
    Failed,
}
