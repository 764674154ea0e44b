use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rpcudp_core::MessageId;
use tokio::runtime;
use tokio::time::{Sleep, sleep_until};

use super::call_end::CallEnd;
use crate::group::member::Member;

/// The state of a call to a group that does not end at the first member, or has options of groups.
#[derive(Default)]
pub(crate) struct Detour {
    /// The members that did not run the call, which it does not try again until it has waited.
    pub(super) tried: Vec<Arc<Member>>,
    /// An earlier request, whose response is still of use.
    pub(super) former: Option<Former>,
    /// The time of the first poll, in ticks of the group, once the first request has ended.
    pub(super) started: Option<u32>,
    /// Whether a member that the call has left may have run the method.
    pub(super) may_have_run: bool,
    pub(super) hedge: Hedge,
    pub(super) timer: Timer,
    pub(super) wait: Wait,
    /// The last reason why a call that waits has not succeeded.
    pub(super) last: Option<CallEnd>,
}

/// A request in flight to another member than the current one.
pub(super) struct Former {
    pub(super) id: MessageId,
    pub(super) member: Arc<Member>,
    /// The time of the request, in ticks of the group.
    pub(super) sent: u32,
    /// Whether the call went on because the member was silent.
    pub(super) was_silent: bool,
}

/// The progress of a hedged call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hedge {
    /// The call is not hedged.
    #[default]
    Off,
    /// The call goes to a second member if its first request takes long.
    On,
    /// The timer for the second member runs.
    Armed,
    /// The call was hedged, or cannot be.
    Done,
}

/// A call's wait for a member that is ready.
#[derive(Debug, Default)]
pub(super) struct Wait {
    /// The registration with the group.
    pub(super) registration: Option<u64>,
    /// The version of the group when the call last tried to pick a member.
    pub(super) version: u64,
    /// The number of attempts so far, for growing intervals.
    pub(super) round: u32,
}

/// A timer of the endpoint's runtime.
#[derive(Default)]
pub(super) struct Timer(Option<Pin<Box<Sleep>>>);

impl Wait {
    pub(super) const FIRST_INTERVAL: Duration = Duration::from_millis(100);

    /// The number of doublings: up to 1.6 s, as for a client of one peer.
    const MAX_DOUBLINGS: u32 = 4;

    /// Returns the time until the next attempt. `random` lengthens it by up to a tenth.
    pub(super) fn next_interval(&mut self, random: u64) -> Duration {
        let interval = Self::FIRST_INTERVAL * (1 << self.round.min(Self::MAX_DOUBLINGS));
        self.round = self.round.saturating_add(1);
        interval + Duration::from_micros(random % (interval.as_micros() as u64 / 10))
    }
}

impl Timer {
    /// Sets the timer, which works on any executor while the runtime runs.
    pub(super) fn set(&mut self, runtime: &runtime::Handle, at: Instant) {
        let _entered = runtime.enter();
        self.0 = Some(Box::pin(sleep_until(at.into())));
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn clear(&mut self) {
        self.0 = None;
    }

    /// Completes when the time has come. Pending if the timer is not set.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(sleep) = &mut self.0 else { return Poll::Pending };
        let polled = sleep.as_mut().poll(cx);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl fmt::Debug for Detour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detour").field("tried", &self.tried).field("hedge", &self.hedge).finish_non_exhaustive()
    }
}
