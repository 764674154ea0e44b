use super::roster::end_reason::EndReason;

/// The state of a [`Session`](crate::Session).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionState {
    /// The peer has not been asked yet, or has not responded.
    Joining,
    /// The session waits in line.
    Waiting {
        /// The position, counted from 1.
        position: usize,
    },
    /// The session is a member.
    Member,
    /// The session has ended, or could not begin, and is going to be joined again, because of
    /// [`Join::rejoin`](super::Join::rejoin).
    Rejoining {
        /// The number of attempts since the last success.
        attempt: u32,
    },
    /// The session has ended for good.
    Ended(EndReason),
}
