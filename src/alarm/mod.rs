#[cfg(any(target_os = "linux", target_os = "android"))]
mod kernel_timer;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::unconstrained;
use tokio::time::{Sleep, sleep};

#[cfg(any(target_os = "linux", target_os = "android"))]
use self::kernel_timer::KernelTimer;
use crate::shared::now;

/// Wakes the driver at the time that it names last, or earlier: moving it costs time, and ringing for nothing does no
/// harm.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: Timer,
    /// Whether it knows whom to wake. While it does it need not be polled, which costs more than a look at it.
    is_set: bool,
}

/// What lets time pass.
#[derive(Debug)]
enum Timer {
    /// tokio's, whose time a test may pause. While one is set, each wait of the runtime for anything at all takes longer: it
    /// reads the clock twice, and has the kernel read it.
    Sleep(Pin<Box<Sleep>>),
    /// The kernel's, which costs nothing while it is left alone.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Kernel(KernelTimer),
}

impl Alarm {
    /// When it rings that nobody waits for.
    const FAR: Duration = Duration::from_secs(24 * 60 * 60);

    /// One by tokio's timer. Must be called in the context of a runtime.
    pub(crate) fn new() -> Self {
        Self { timer: Timer::Sleep(Box::pin(sleep(Self::FAR))), is_set: false }
    }

    /// One by the kernel's timer where there is one, and where nobody can tell it from tokio's. Must be called in the context of
    /// a runtime that waits for sockets.
    pub(crate) fn beside_sockets() -> Self {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(timer) = KernelTimer::new(now() + Self::FAR) {
            return Self { timer: Timer::Kernel(timer), is_set: false };
        }
        Self::new()
    }

    /// Has it wake another task from its next poll on.
    pub(crate) fn unset(&mut self) {
        self.is_set = false;
    }

    /// Whether it will not ring before it is polled.
    pub(crate) fn is_off(&mut self) -> bool {
        !self.is_set || self.timer.has_rung()
    }

    /// Ready where it has rung; it is to be polled again then.
    pub(crate) fn poll(&mut self, next: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let has_rung = self.timer.has_rung();
        if has_rung || next.is_some_and(|next| next < self.timer.deadline()) {
            self.timer.reset(next.unwrap_or_else(|| now() + Self::FAR));
            self.is_set = false;
        }
        if !self.is_set {
            // A task that has used up its turn would be told to come back, and the alarm not set.
            let polled = pin!(unconstrained(poll_fn(|cx| self.timer.poll(cx)))).poll(cx);
            self.is_set = polled.is_pending();
        }
        if has_rung || !self.is_set { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Timer {
    fn deadline(&self) -> Instant {
        match self {
            Self::Sleep(sleep) => sleep.deadline().into_std(),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Kernel(timer) => timer.deadline(),
        }
    }

    fn has_rung(&mut self) -> bool {
        match self {
            Self::Sleep(sleep) => sleep.is_elapsed(),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Kernel(timer) => timer.has_rung(),
        }
    }

    fn reset(&mut self, deadline: Instant) {
        match self {
            Self::Sleep(sleep) => sleep.as_mut().reset(deadline.into()),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Kernel(timer) => timer.reset(deadline),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Sleep(sleep) => sleep.as_mut().poll(cx),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Kernel(timer) => timer.poll(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATE: Duration = Duration::from_secs(600);

    async fn rings(alarm: &mut Alarm, next: Option<Instant>) {
        let patience = 2 * LATE;
        timeout(patience, poll_fn(|cx| alarm.poll(next, cx))).await.expect("it rings");
    }

    fn is_silent(alarm: &mut Alarm, next: Option<Instant>) -> bool {
        alarm.poll(next, &mut Context::from_waker(std::task::Waker::noop())).is_pending()
    }

    async fn does_what_an_alarm_does(mut alarm: Alarm) {
        let next = now() + SOON;
        rings(&mut alarm, Some(next)).await;
        assert!(now() >= next);
        assert!(alarm.is_off(), "it has rung");
        let late = now() + LATE;
        while alarm.is_off() {
            let _ = is_silent(&mut alarm, Some(late));
        }
        assert!(is_silent(&mut alarm, Some(late)) && is_silent(&mut alarm, None));
        // Earlier than it knew. Whoever is to be woken is another by now.
        alarm.unset();
        rings(&mut alarm, Some(now() + SOON)).await;
        // A time that has passed.
        rings(&mut alarm, Some(now())).await;
        rings(&mut alarm, Some(next)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn both_kinds_ring_in_real_time() {
        does_what_an_alarm_does(Alarm::new()).await;
        does_what_an_alarm_does(Alarm::beside_sockets()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_can_be_paused_is_followed() {
        rings(&mut Alarm::beside_sockets(), Some(now() + LATE)).await;
        does_what_an_alarm_does(Alarm::beside_sockets()).await;
    }
}
