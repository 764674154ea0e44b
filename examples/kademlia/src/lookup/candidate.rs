use super::informants::Informant;
use super::neighbours::Place;
use crate::{Contact, Timestamp};

#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) contact: Contact,
    pub(super) place: Place,
    /// How many nodes were asked, one after the other, to get to this one, itself included.
    pub(super) hops: u32,
    /// Who told of it; none for those that the lookup began with.
    pub(super) informant: Option<Informant>,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    New,
    Asked { straggles_at: Timestamp },
    Answered,
    Failed,
}
