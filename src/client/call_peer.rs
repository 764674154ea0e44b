//! The peer of a call.

use std::net::SocketAddr;
use std::sync::Arc;

use super::call_end::CallEnd;
use super::pending::PendingCall;
use super::target::{GroupTarget, Target};
use crate::calls::completion::Completion;
use crate::group::evidence::Evidence;
use crate::group::member::Member;
use crate::links::source::is_link;

impl PendingCall {
    /// Returns the address of the peer, or of the member of the group that the call is at.
    #[inline]
    pub(crate) fn peer(&self) -> SocketAddr {
        match &self.target {
            Target::Peer(peer) => *peer,
            Target::Group(_) => self.member().map_or(Target::NO_PEER, |member| member.addr()),
            Target::Secure(peer) => peer.addr(),
        }
    }

    /// Returns the address under which the table of calls keeps the peer.
    #[inline]
    pub(super) fn source(&self) -> SocketAddr {
        match &self.target {
            Target::Peer(peer) => *peer,
            Target::Group(_) => self.member().map_or(Target::NO_PEER, |member| member.source),
            Target::Secure(peer) => peer.source(),
        }
    }

    /// Returns whether the call goes over a link: for a group, whether one to the picked member
    /// does.
    #[inline]
    pub(super) fn is_over_link(&self) -> bool {
        match &self.target {
            Target::Peer(_) => false,
            Target::Group(_) => self.member().is_some_and(|member| is_link(member.source)),
            Target::Secure(_) => true,
        }
    }

    /// Returns the picked member of a group. `None` for a call of a client of one peer.
    #[inline]
    pub(super) fn member(&self) -> Option<&Arc<Member>> {
        match &self.target {
            Target::Group(target) => target.member.as_ref(),
            Target::Peer(_) if self.goes_to_only => self.view().first_only(),
            Target::Peer(_) | Target::Secure(_) => None,
        }
    }

    /// Makes a call to a group one to its only member, before the first poll, if the call cannot
    /// leave that member: it has then the cost of a call to a peer. Returns whether it did.
    pub(super) fn stay_at_only(&mut self) -> bool {
        let Target::Group(GroupTarget { detour: None, .. }) = &self.target else { return false };
        if !self.is_ready() || self.is_fixed || self.retransmits || self.waits_for_ready {
            return false;
        }
        let Some(peer) = self.view().begin_only() else { return false };
        (self.target, self.goes_to_only) = (Target::Peer(peer), true);
        true
    }

    /// Records the end of a request to the only member of the group, if the call goes to that.
    #[inline]
    pub(super) fn record_at_only(&self, completion: &Completion) {
        if self.goes_to_only {
            let evidence = match completion {
                Completion::Response(_) => Evidence::Responded(None),
                _ => self.evidence(completion, None),
            };
            self.record_evidence(evidence);
        }
    }

    /// Records a request to the only member that was not sent, or ended when it was sent.
    pub(super) fn record_unsent(&self, end: &CallEnd) {
        if self.goes_to_only {
            let is_unsendable = matches!(end, CallEnd::Completed(Completion::Unsendable { .. }, _));
            self.record_evidence(if is_unsendable { Evidence::Silent } else { Evidence::None });
        }
    }
}
