//! A call to a group that waits for a member.

use std::sync::Arc;
use std::task::Context;

use rpcudp_core::Counter;

use super::call_end::CallEnd;
use super::group_call::Step;
use super::pending::{PendingCall, State};
use super::target::{GroupTarget, Target};
use crate::calls::completion::StartError;
use crate::clock::now;
use crate::group::evidence::Evidence;

impl PendingCall {
    /// Waits until the group has a member that is ready, if the call may. Else ends it.
    pub(super) fn begin_to_wait(&mut self, datagram: Vec<u8>) -> Step {
        if self.view().group.is_known() && !self.waits_for_ready {
            return Step::End(CallEnd::NoPeers);
        }
        self.note_started(self.view().group.ticks(now()));
        self.set_wait_timer();
        self.state = State::Waiting(datagram);
        Step::Poll
    }

    fn set_wait_timer(&mut self) {
        let at = now();
        let remaining = self.remaining(at);
        let endpoint = Arc::clone(&self.endpoint);
        let group = &endpoint.view().group;
        let detour = self.group_mut().detour.get_or_insert_default();
        detour.wait.version = group.version();
        let interval = detour.wait.next_interval(group.random());
        detour.timer.set(&endpoint.shared().runtime, at + interval.min(remaining));
    }

    /// Tries to pick a member when the group has changed or the interval is over.
    pub(super) fn poll_waiting(&mut self, datagram: Vec<u8>, cx: &mut Context<'_>) -> Step {
        let endpoint = Arc::clone(&self.endpoint);
        let calls = &endpoint.shared().calls;
        // Also before the timer is polled, which needs the runtime.
        if calls.is_closed() {
            return self.end_waiting(CallEnd::NotStarted(StartError::Closed));
        }
        let view = endpoint.view();
        let group = &view.group;
        let detour = self.group_mut().detour.get_or_insert_default();
        detour.wait.registration = Some(group.register(detour.wait.registration, cx.waker().clone()));
        if group.version() == detour.wait.version && detour.timer.poll(cx).is_pending() {
            self.state = State::Waiting(datagram);
            return Step::Pending;
        }
        let at = now();
        let last = detour.last.take();
        detour.tried.clear();
        if self.remaining(at).is_zero() {
            return self.end_waiting(last.unwrap_or(CallEnd::NoPeers));
        }
        let counter = if last.is_some() { Counter::CallsMoved } else { Counter::CallsStarted };
        if let Some(member) = view.pick(at, &[]) {
            if counter == Counter::CallsStarted || calls.try_repeat(at, self.retransmits) {
                self.stop_waiting();
                let target = self.group_mut();
                target.member = Some(member);
                target.detour.get_or_insert_default().last = last;
                return Step::Send(datagram, at, counter);
            }
            group.record(&member, Evidence::None);
        } else if !self.waits_for_ready && group.is_known() {
            return self.end_waiting(CallEnd::NoPeers);
        }
        self.group_mut().detour.get_or_insert_default().last = last;
        self.set_wait_timer();
        self.state = State::Waiting(datagram);
        Step::Poll
    }

    fn end_waiting(&mut self, end: CallEnd) -> Step {
        self.stop_waiting();
        Step::End(end)
    }

    /// Removes the registration with the group, if there is one.
    pub(super) fn stop_waiting(&mut self) {
        let Target::Group(GroupTarget { detour: Some(detour), .. }) = &mut self.target else { return };
        detour.timer.clear();
        if let Some(registration) = detour.wait.registration.take() {
            self.endpoint.view().group.unregister(registration);
        }
    }
}
