//! A request of a call to a group that is sent beside another in flight: a hedge, or because a
//! member is silent.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use rpcudp_core::{Counter, MessageId, Request};

use super::call_end::CallEnd;
use super::detour::{Former, Hedge};
use super::launch::Launch;
use super::pending::{PendingCall, State};
use super::target::{GroupTarget, Target};
use crate::clock::now;
use crate::group::evidence::Evidence;
use crate::group::member::Member;

/// A request in flight, and the time and counter of the one that is sent beside it.
struct Launched {
    id: MessageId,
    /// In ticks of the group.
    sent: u32,
    at: Instant,
    counter: Counter,
}

impl PendingCall {
    /// Returns whether the call may go on with another member while one is silent.
    pub(super) fn may_leave_silent_members(&self) -> bool {
        self.retransmits && self.is_idempotent() && !self.is_fixed && self.view().group.len() > 1
    }

    /// Sends the request to another member, if the current one has not responded to three
    /// transmissions. A late response counts.
    pub(super) fn leave_silent_member(&mut self, cx: &mut Context<'_>) {
        let State::InFlight(id, sent) = self.state else { return };
        let endpoint = Arc::clone(&self.endpoint);
        if !self.may_leave_silent_members() || !endpoint.shared().calls.is_silent(&id) {
            return;
        }
        let at = now();
        let Some(member) = self.pick_other(at) else { return };
        let Some(datagram) = endpoint.shared().calls.take_request(&id) else {
            return self.view().group.record(&member, Evidence::None);
        };
        self.send_beside(datagram, member, Launched { id, sent, at, counter: Counter::CallsMoved }, cx);
    }

    /// Sets the timer of a hedged call after its first request was sent. Returns whether it did.
    pub(super) fn arm_hedge(&mut self, at: Instant) -> bool {
        if self.group().detour.as_ref().is_none_or(|detour| detour.hedge != Hedge::On) {
            return false;
        }
        let method = self.spec.name;
        let endpoint = Arc::clone(&self.endpoint);
        let group = &endpoint.view().group;
        let Some(detour) = &mut self.group_mut().detour else { return false };
        detour.hedge = Hedge::Done;
        let Some(delay) = group.begin_hedged(method).filter(|_| group.len() > 1) else { return false };
        detour.hedge = Hedge::Armed;
        detour.timer.set(&endpoint.shared().runtime, at + delay);
        true
    }

    /// Sends the request to a second member when the time of the hedge has come.
    pub(super) fn poll_hedge(&mut self, cx: &mut Context<'_>) {
        let State::InFlight(id, sent) = self.state else { return };
        let Some(detour) = &mut self.group_mut().detour else { return };
        if detour.hedge != Hedge::Armed || detour.timer.poll(cx).is_pending() {
            return;
        }
        detour.hedge = Hedge::Done;
        let endpoint = Arc::clone(&self.endpoint);
        let at = now();
        if !self.view().group.try_hedge() {
            return;
        }
        let Some(member) = self.pick_other(at) else { return };
        let Some(datagram) = endpoint.shared().calls.copy_request(&id) else {
            return self.view().group.record(&member, Evidence::None);
        };
        self.send_beside(datagram, member, Launched { id, sent, at, counter: Counter::CallsHedged }, cx);
    }

    /// Picks another member than the current one and those tried, if the retry budget allows a
    /// request.
    fn pick_other(&mut self, at: Instant) -> Option<Arc<Member>> {
        let current = self.member().cloned();
        let detour = self.group_mut().detour.get_or_insert_default();
        let mut avoid = detour.tried.clone();
        avoid.extend(current);
        avoid.extend(detour.former.as_ref().map(|former| Arc::clone(&former.member)));
        let member = self.view().pick(at, &avoid)?;
        if self.endpoint.shared().calls.try_repeat(at, self.retransmits) {
            return Some(member);
        }
        self.view().group.record(&member, Evidence::None);
        None
    }

    /// Sends the request to `member` while the one in flight goes on as the former.
    fn send_beside(&mut self, mut datagram: Vec<u8>, member: Arc<Member>, beside: Launched, cx: &mut Context<'_>) {
        let Launched { id, sent, at, counter } = beside;
        let remaining = self.remaining(at);
        if self.sends_deadline {
            Request::set_remaining(&mut datagram, self.body_len(), remaining);
        }
        let Some(current) = self.member().cloned() else { return };
        self.group_mut().member = Some(member);
        let launch = Launch { at, remaining, waits_for_ready: false, keeps_request: true, counter };
        match self.check_wire().and_then(|()| self.launch(&mut datagram, launch, cx)) {
            Ok(new) => {
                let was_silent = counter == Counter::CallsMoved;
                self.note_started(sent);
                self.end_former(Some(Former { id, member: current, sent, was_silent }));
                self.group_mut().detour.get_or_insert_default().may_have_run = true;
                self.state = State::InFlight(new, self.view().group.ticks(at));
            }
            Err(_) => {
                // The request in flight goes on, with its datagram.
                self.record_evidence(Evidence::Silent);
                self.group_mut().member = Some(current);
                self.endpoint.shared().calls.keep(&id, datagram, true);
            }
        }
    }

    /// Polls the former request. Returns the end of the call if the former has a response.
    pub(super) fn poll_former(&mut self, current: MessageId, cx: &mut Context<'_>) -> Option<CallEnd> {
        let endpoint = Arc::clone(&self.endpoint);
        let calls = &endpoint.shared().calls;
        let detour = self.group_mut().detour.as_mut()?;
        let Poll::Ready((completion, count)) = calls.poll(&detour.former.as_ref()?.id, cx.waker()) else { return None };
        let Former { member, sent, .. } = detour.former.take()?;
        let evidence = self.evidence(&completion, Some(sent));
        self.view().group.record(&member, evidence);
        if !matches!(evidence, Evidence::Responded(_)) {
            return None;
        }
        self.cancel(&current, self.source());
        if let State::InFlight(_, sent) = mem::replace(&mut self.state, State::Ended) {
            self.record_evidence(self.abandoned(sent));
        }
        self.group_mut().member = Some(member);
        Some(CallEnd::Completed(completion, count))
    }

    /// Ends the former request, and puts another one in its place.
    pub(super) fn end_former(&mut self, next: Option<Former>) {
        let Target::Group(GroupTarget { detour: Some(detour), .. }) = &mut self.target else { return };
        let Some(Former { id, member, sent, was_silent }) = mem::replace(&mut detour.former, next) else { return };
        let group = &self.view().group;
        let elapsed = group.ticks(now()).wrapping_sub(sent);
        group.record(&member, if was_silent { Evidence::Silent } else { Evidence::Abandoned(elapsed) });
        self.cancel(&id, member.source);
    }
}
