use std::collections::{HashSet, VecDeque};
use std::mem;
use std::net::SocketAddr;

use super::end_reason::EndReason;
use super::member::Member;
use super::session_id::SessionId;

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

/// The queue of effects, in order.
///
/// While a hook of the program blocks, none is carried out, and peers go on to send requests. So
/// the queue is bounded by the numbers of members and of places: moves of one member are one
/// effect, and notices to peers that were no members are left out beyond a limit.
#[derive(Debug, Default)]
pub(super) struct EffectQueue {
    effects: VecDeque<Effect>,
    /// The sessions with a move in the queue.
    moving: HashSet<SessionId>,
    /// Whether [`Effect::Closed`] follows the last effect. A session whose hook runs at the moment
    /// ends after its start, and events end with that.
    is_closed: bool,
}

impl EffectQueue {
    /// Effects in the queue beyond which a peer that was no member is not told the end of its
    /// session. It learns that from the response to its next request.
    pub(super) const MAX_NOTICES: usize = 4_096;

    /// Adds an effect at the end.
    pub(super) fn push(&mut self, effect: Effect) {
        match &effect {
            // The earlier move ends at the present address, too.
            Effect::Moved { member, .. } if !self.moving.insert(member.id()) => return,
            Effect::Closed => {
                self.is_closed = true;
                return;
            }
            // All notices of an endpoint that closes are sent: no request will have a response.
            Effect::Ended { was_member: false, reason, .. }
                if *reason != EndReason::Closing && self.effects.len() >= Self::MAX_NOTICES =>
            {
                return;
            }
            _ => {}
        }
        self.effects.push_back(effect);
    }

    /// Adds an effect before all others.
    pub(super) fn push_first(&mut self, effect: Effect) {
        self.effects.push_front(effect);
    }

    /// Takes the next effect.
    pub(super) fn pop(&mut self) -> Option<Effect> {
        let Some(effect) = self.effects.pop_front() else {
            return mem::take(&mut self.is_closed).then_some(Effect::Closed);
        };
        if let Effect::Moved { member, .. } = &effect {
            self.moving.remove(&member.id());
        }
        Some(effect)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.effects.len()
    }
}
