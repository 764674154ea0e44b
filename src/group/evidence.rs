/// The end of a request to a member, as evidence of the member's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// The member responded, after this time in ticks, if it was measured.
    Responded(Option<u32>),
    /// The member responded that it is busy or closing.
    NotReady,
    /// The member did not respond.
    Silent,
    /// The network reported the member as unreachable.
    Unreachable,
    /// The call went on without the member's response, after this time in ticks: it had another
    /// response, or was dropped.
    Abandoned(u32),
    /// The request shows nothing about the member.
    None,
}
