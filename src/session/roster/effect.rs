use std::net::SocketAddr;

use super::end_reason::EndReason;
use super::member::Member;

/// A consequence of a change, to be carried out without the lock of the table, in order.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Call the hook for joining, and pass its result to [`Table::enter`].
    Enter { pool: usize, key: u64, member: Member },
    /// The session has become a member. If it waited in line, the peer must be told.
    Joined { pool: usize, member: Member, waited: bool },
    /// The member has another address.
    Moved { pool: usize, member: Member, from: SocketAddr },
    /// The session has ended.
    Ended { pool: usize, member: Member, reason: EndReason, was_member: bool },
    /// The program has asked for the pool's members as a group.
    Grouped(usize),
    /// All sessions have ended, and none begins.
    Closed,
}
