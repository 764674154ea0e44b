use std::net::SocketAddr;

use super::end_reason::EndReason;
use super::member::Member;

/// A change of an endpoint's members, from [`SessionEvents`](super::super::SessionEvents).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A peer has become a member.
    Joined(Member),
    /// A member has another address.
    Moved {
        /// The member.
        member: Member,
        /// The address before.
        from: SocketAddr,
    },
    /// A session has ended. Each member that joined ends once.
    Ended {
        /// The member.
        member: Member,
        /// The reason.
        reason: EndReason,
    },
    /// The program has fallen behind, and this number of events was dropped before the next one,
    /// other pools' included. [`Members::list`](super::super::Members::list) has the present
    /// members.
    Lagged(u64),
}

impl SessionEvent {
    /// Returns the member that the event is about. `None` for [`Lagged`](Self::Lagged).
    #[must_use]
    pub fn member(&self) -> Option<&Member> {
        match self {
            Self::Joined(member) | Self::Moved { member, .. } | Self::Ended { member, .. } => Some(member),
            Self::Lagged(_) => None,
        }
    }
}
