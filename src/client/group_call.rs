//! A call to a group: the choice of a member, and the moves to others.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rpcudp_core::contract::Delivery;
use rpcudp_core::{Counter, MessageId, RefusalKind, Request};
#[cfg(feature = "secure")]
use rpcudp_secure::LinkEnd;

use super::call_end::CallEnd;
use super::detour::{Former, Hedge};
#[cfg(feature = "secure")]
use super::did_run::DidRun;
use super::extras::Extras;
use super::launch::Launch;
#[cfg(feature = "secure")]
use super::link_call::did_run_before;
use super::pending::{PendingCall, State};
use super::target::{GroupTarget, Target};
use crate::calls::completion::Completion;
use crate::clock::now;
use crate::group::evidence::Evidence;
use crate::group::shared::{GroupShared, GroupView};

/// The next step of a call to a group.
pub(super) enum Step {
    /// Look at the state again.
    Poll,
    Pending,
    /// Send the request to the picked member.
    Send(Vec<u8>, Instant, Counter),
    /// Go on with another member, or end the call for this reason.
    Move(Vec<u8>, CallEnd),
    End(CallEnd),
}

/// The members that a call tries before it ends or waits.
const MAX_TRIED: usize = 8;

impl PendingCall {
    /// Polls a call to a group.
    pub(super) fn poll_group(&mut self, cx: &mut Context<'_>) -> Poll<CallEnd> {
        match mem::replace(&mut self.state, State::Ended) {
            State::Ready(datagram, extras) => match self.start_at_member(datagram, extras, cx) {
                Step::Pending => Poll::Pending,
                step => self.take_steps(step, cx),
            },
            // Most calls end with the response of their first member, and take no other step.
            State::InFlight(id, sent) if self.group().detour.is_none() && !self.may_leave_silent_members() => {
                match self.endpoint.shared().calls.poll(&id, cx.waker()) {
                    Poll::Pending => {
                        self.state = State::InFlight(id, sent);
                        Poll::Pending
                    }
                    Poll::Ready((response @ Completion::Response(_), transmission_count)) => {
                        self.record_evidence(self.responded(Some(sent)));
                        Poll::Ready(CallEnd::Completed(response, transmission_count))
                    }
                    Poll::Ready((completion, transmission_count)) => {
                        let step = self.end_current(id, completion, transmission_count, sent);
                        self.take_steps(step, cx)
                    }
                }
            }
            state => {
                self.state = state;
                self.take_steps(Step::Poll, cx)
            }
        }
    }

    /// Begins the call, and sends the request to the member that it picks.
    fn start_at_member(&mut self, mut datagram: Vec<u8>, extras: Option<Box<Extras>>, cx: &mut Context<'_>) -> Step {
        let started = now();
        let is_picked = self.pick_first(started);
        match self.begin(&mut datagram, extras, started) {
            Ok(()) if is_picked => self.send_to_member(datagram, started, Counter::CallsStarted, cx),
            Ok(()) => self.begin_to_wait(datagram),
            Err(end) => {
                if is_picked {
                    self.record_evidence(Evidence::None);
                }
                Step::End(end)
            }
        }
    }

    /// Takes the steps of a call until it waits or ends.
    fn take_steps(&mut self, mut step: Step, cx: &mut Context<'_>) -> Poll<CallEnd> {
        loop {
            step = match step {
                Step::Poll => match mem::replace(&mut self.state, State::Ended) {
                    State::InFlight(id, sent) => self.poll_in_flight(id, sent, cx),
                    State::Waiting(datagram) => self.poll_waiting(datagram, cx),
                    State::Ready(..) => unreachable!("the first step sends the request"),
                    State::Ended => panic!("a call was polled after it had ended"),
                },
                Step::Send(datagram, at, counter) => self.send_to_member(datagram, at, counter, cx),
                Step::Move(datagram, reason) => self.move_on(datagram, reason),
                Step::Pending => return Poll::Pending,
                Step::End(end) => return Poll::Ready(end),
            };
        }
    }

    /// Picks the first member, unless the call has a fixed one. Returns whether there is one.
    fn pick_first(&mut self, started: Instant) -> bool {
        if self.is_fixed {
            return self.member().inspect(|member| self.view().group.begin(member)).is_some();
        }
        let member = self.view().pick(started, &[]);
        let is_picked = member.is_some();
        self.group_mut().member = member;
        is_picked
    }

    /// Sends the request to the picked member.
    fn send_to_member(&mut self, mut datagram: Vec<u8>, at: Instant, counter: Counter, cx: &mut Context<'_>) -> Step {
        if let Err(end) = self.check_wire() {
            self.note_started(self.view().group.ticks(at));
            self.record_evidence(Evidence::None);
            // Another member may be called over a link.
            let may_move = self.view().group.has_links() && !self.is_over_link();
            return if may_move { Step::Move(datagram, end) } else { Step::End(end) };
        }
        let remaining = if self.group().detour.is_none() { self.timeout() } else { self.remaining(at) };
        if counter != Counter::CallsStarted && self.sends_deadline {
            Request::set_remaining(&mut datagram, self.body_len(), remaining);
        }
        let may_move = !self.is_fixed && (self.waits_for_ready || self.view().group.len() > 1);
        let launch = Launch {
            at,
            remaining,
            // A call to a group waits with its request, because the next attempt may go to another
            // member.
            waits_for_ready: self.is_fixed && self.waits_for_ready,
            keeps_request: may_move,
            counter,
        };
        match self.launch(&mut datagram, launch, cx) {
            Ok(id) => {
                self.state = State::InFlight(id, self.view().group.ticks(at));
                if self.arm_hedge(at) { Step::Poll } else { Step::Pending }
            }
            Err(end @ CallEnd::Completed(Completion::Unsendable { .. }, _)) => {
                self.note_started(self.view().group.ticks(at));
                self.record_evidence(Evidence::Silent);
                Step::Move(datagram, end)
            }
            Err(end) => {
                self.record_evidence(Evidence::None);
                Step::End(end)
            }
        }
    }

    /// Polls the request in flight to the current member, and then the rest.
    fn poll_in_flight(&mut self, id: MessageId, sent: u32, cx: &mut Context<'_>) -> Step {
        match self.endpoint.shared().calls.poll(&id, cx.waker()) {
            Poll::Ready((completion, transmission_count)) => self.end_current(id, completion, transmission_count, sent),
            Poll::Pending => {
                self.state = State::InFlight(id, sent);
                if self.group().detour.is_none() && !self.may_leave_silent_members() {
                    return Step::Pending;
                }
                if let Some(end) = self.poll_former(id, cx) {
                    return Step::End(end);
                }
                self.poll_hedge(cx);
                self.leave_silent_member(cx);
                Step::Pending
            }
        }
    }

    /// Ends the request to the current member, and the call with it unless the call may move.
    fn end_current(&mut self, id: MessageId, mut completion: Completion, transmission_count: u32, sent: u32) -> Step {
        if let Completion::TimedOut(_) = completion {
            self.stop_transfer(id);
        }
        let evidence = self.evidence(&completion, Some(sent));
        self.record_evidence(evidence);
        let may_move = self.may_move(&completion, transmission_count);
        let datagram = completion.take_request();
        let transmission_count = self.transmission_count(transmission_count);
        if may_move {
            self.note_started(sent);
            if transmission_count > 1 && !self.is_at_most_once() {
                self.group_mut().detour.get_or_insert_default().may_have_run = true;
            }
            return Step::Move(datagram, CallEnd::Completed(completion, transmission_count));
        }
        self.end_former(None);
        Step::End(CallEnd::Completed(completion, transmission_count))
    }

    /// Returns the number of transmissions that may have run the method: those to the current
    /// member, and at least two if an earlier member may have run it.
    fn transmission_count(&self, of_current: u32) -> u32 {
        let may_have_run = self.group().detour.as_ref().is_some_and(|detour| detour.may_have_run);
        if may_have_run { of_current.max(2) } else { of_current }
    }

    /// Returns the evidence that the end of a request gives, which was sent at this time. `None` if
    /// that time was not noted, because the call has had one request.
    pub(super) fn evidence(&self, completion: &Completion, sent: Option<u32>) -> Evidence {
        match completion {
            Completion::Failure(failure) if is_not_ready(failure.code.refusal()) => Evidence::NotReady,
            Completion::Response(_) | Completion::Failure(_) | Completion::Undecodable(_) => self.responded(sent),
            // A timeout shorter than the member's response time shows nothing.
            Completion::TimedOut(_) => {
                let since = |sent| self.view().group.ticks(now()).wrapping_sub(sent);
                let elapsed = sent.map_or_else(|| GroupShared::ticks_of(self.timeout()), since);
                let is_shown = self.member().is_some_and(|member| elapsed >= member.smoothed());
                if is_shown { Evidence::Silent } else { Evidence::None }
            }
            Completion::Unsendable { .. } => Evidence::Silent,
            Completion::Unreachable(_) => Evidence::Unreachable,
            Completion::Closed => Evidence::None,
            #[cfg(feature = "secure")]
            Completion::LinkEnded(ended) => evidence_of(ended.reason),
        }
    }

    /// Returns the evidence of a response to a request that was sent at this time.
    fn responded(&self, sent: Option<u32>) -> Evidence {
        let group = &self.view().group;
        // A group of one has no choice to make, and saves the time of reading the clock.
        let Some(sent) = sent.filter(|_| group.len() > 1) else { return Evidence::Responded(None) };
        let at = group.ticks(now());
        if let Some(detour) = self.group().detour.as_ref().filter(|detour| detour.hedge != Hedge::Off) {
            let started = detour.started.unwrap_or(sent);
            group.measure_hedged(self.spec.name, at.wrapping_sub(started));
        }
        Evidence::Responded(Some(at.wrapping_sub(sent)))
    }

    /// Returns whether the contract allows that a request which ended this way is sent to another
    /// member: it is idempotent, or the member did not run it.
    fn may_move(&self, completion: &Completion, transmission_count: u32) -> bool {
        let did_not_run = match completion {
            Completion::Failure(failure) if is_not_ready(failure.code.refusal()) => {
                // A member refuses a duplicate of an at-most-once request that it has run with the
                // stored response.
                transmission_count <= 1 || self.is_at_most_once()
            }
            Completion::Unreachable(_) | Completion::Unsendable { .. } => transmission_count <= 1,
            #[cfg(feature = "secure")]
            Completion::LinkEnded(ended) => did_run_before(ended, transmission_count) == DidRun::No,
            _ => return false,
        };
        !self.is_fixed && (did_not_run || self.is_idempotent())
    }

    /// Goes on with another member, an earlier request, or after a while. Ends the call for
    /// `reason` if none of these is possible.
    fn move_on(&mut self, datagram: Vec<u8>, reason: CallEnd) -> Step {
        let at = now();
        if !datagram.is_empty() && !self.is_fixed && !self.remaining(at).is_zero() {
            let is_counted = self.retransmits;
            let failed = self.member().cloned();
            let endpoint = Arc::clone(&self.endpoint);
            let target = self.group_mut();
            let detour = target.detour.get_or_insert_default();
            detour.tried.extend(failed);
            if detour.tried.len() < MAX_TRIED
                && let Some(member) = endpoint.view().pick(at, &detour.tried)
            {
                if endpoint.shared().calls.try_repeat(at, is_counted) {
                    target.member = Some(member);
                    return Step::Send(datagram, at, Counter::CallsMoved);
                }
                endpoint.view().group.record(&member, Evidence::None);
            }
        }
        let waits_for_ready = self.waits_for_ready;
        let target = self.group_mut();
        if let Some(detour) = &mut target.detour {
            if let Some(Former { id, member, sent, .. }) = detour.former.take() {
                target.member = Some(member);
                self.state = State::InFlight(id, sent);
                // A silent member lost its request to the one that has just failed.
                if !datagram.is_empty() {
                    self.endpoint.shared().calls.keep(&id, datagram, true);
                }
                return Step::Poll;
            }
            if waits_for_ready && !datagram.is_empty() {
                detour.last = Some(reason);
                return self.begin_to_wait(datagram);
            }
        }
        Step::End(reason)
    }

    /// Records the end of the request to the current member.
    pub(super) fn record_evidence(&self, evidence: Evidence) {
        if let Some(member) = self.member() {
            self.view().group.record(member, evidence);
        }
    }

    /// Notes the time of the first poll, which later requests need.
    pub(super) fn note_started(&mut self, ticks: u32) {
        self.group_mut().detour.get_or_insert_default().started.get_or_insert(ticks);
    }

    /// Returns the evidence of a request that was sent at this time, if the call goes on without
    /// it.
    pub(super) fn abandoned(&self, sent: u32) -> Evidence {
        match &self.target {
            Target::Group(_) => Evidence::Abandoned(self.view().group.ticks(now()).wrapping_sub(sent)),
            Target::Peer(_) | Target::Secure(_) => Evidence::None,
        }
    }

    fn is_at_most_once(&self) -> bool {
        self.spec.delivery == Delivery::AtMostOnce
    }

    pub(super) fn is_idempotent(&self) -> bool {
        match self.spec.delivery {
            Delivery::AtLeastOnce => true,
            Delivery::AtMostOnce | Delivery::OneWay => false,
            // The caller has said so, with `Call::retransmit`.
            _ => self.retransmits,
        }
    }

    /// Returns the time until the call's deadline.
    pub(super) fn remaining(&self, at: Instant) -> Duration {
        let started = match (self.group().detour.as_ref().and_then(|detour| detour.started), &self.state) {
            (Some(started), _) => started,
            (None, State::InFlight(_, sent)) => *sent,
            // The first request is being sent.
            (None, _) => return self.timeout(),
        };
        let elapsed = self.view().group.ticks(at).wrapping_sub(started);
        self.timeout().saturating_sub(GroupShared::duration(elapsed))
    }

    /// Returns the view of the client on its group.
    #[inline]
    pub(super) fn view(&self) -> &GroupView {
        self.endpoint.view()
    }

    pub(super) fn group(&self) -> &GroupTarget {
        match &self.target {
            Target::Group(target) => target,
            Target::Peer(_) | Target::Secure(_) => unreachable!("only calls to a group get here"),
        }
    }

    pub(super) fn group_mut(&mut self) -> &mut GroupTarget {
        match &mut self.target {
            Target::Group(target) => target,
            Target::Peer(_) | Target::Secure(_) => unreachable!("only calls to a group get here"),
        }
    }
}

/// Returns the evidence that the end of a link gives.
#[cfg(feature = "secure")]
fn evidence_of(end: LinkEnd) -> Evidence {
    match end {
        // The peer may be back at once, as after a restart.
        LinkEnd::NoAnswer | LinkEnd::Lost | LinkEnd::Closed => Evidence::Silent,
        LinkEnd::NotSecure
        | LinkEnd::Dropped
        | LinkEnd::SessionEnded
        | LinkEnd::RequestTooLarge { .. }
        | LinkEnd::ResponseTooLarge { .. } => Evidence::None,
        _ => Evidence::Unreachable,
    }
}

fn is_not_ready(refusal: Option<RefusalKind>) -> bool {
    matches!(refusal, Some(RefusalKind::Busy | RefusalKind::Closing))
}
