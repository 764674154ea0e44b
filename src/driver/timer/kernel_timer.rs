use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::clock::now;
use crate::wake_flag::WakeFlag;

/// A timer in the kernel (timerfd), which the runtime watches like a socket.
#[derive(Debug)]
pub(super) struct KernelTimer {
    timer: AsyncFd<ReadableTimer>,
    /// Set by the runtime, and wakes the task. The runtime drops its waker after each event, even
    /// after an event of an earlier deadline. The flag shows that, and the timer is checked then.
    flag: Arc<WakeFlag>,
    waker: Waker,
}

/// A timer that is readable after its deadline.
#[derive(Debug)]
struct ReadableTimer {
    timer: TimerFd,
    _slot: Slot,
}

/// The file descriptors that timers may use, counted by those in use.
#[derive(Debug)]
struct Slots(AtomicUsize);

#[derive(Debug)]
struct Slot(&'static Slots);

static SLOTS: Slots = Slots(AtomicUsize::new(0));

impl AsRawFd for ReadableTimer {
    fn as_raw_fd(&self) -> RawFd {
        self.timer.as_fd().as_raw_fd()
    }
}

impl Slots {
    /// Timers in a process: few of the thousand descriptors that it has by default, and more than a
    /// process needs that is idle between calls. With more endpoints, each wake-up finds work
    /// anyway.
    const COUNT: usize = 64;

    fn take(&'static self) -> Option<Slot> {
        let take = |taken| (taken < Self::COUNT).then_some(taken + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok().map(|_| Slot(self))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Self(Slots(taken)) = self;
        taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl KernelTimer {
    /// The longest time to set. The timer fires early for a later deadline.
    const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

    /// Returns `None` if the system or the process has no timer left, and on a runtime of one
    /// thread, whose clock a test may pause.
    pub(super) fn new() -> Option<Self> {
        if Handle::current().runtime_flavor() != RuntimeFlavor::MultiThread {
            return None;
        }
        let slot = SLOTS.take()?;
        // `Instant` uses the same clock.
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK).ok()?;
        #[allow(
            deprecated,
            reason = "the successor is unsafe because a descriptor might be replaced; this one never is"
        )]
        let timer = AsyncFd::with_interest(ReadableTimer { timer, _slot: slot }, Interest::READABLE).ok()?;
        let flag = Arc::new(WakeFlag::default());
        Some(Self { timer, waker: Waker::from(Arc::clone(&flag)), flag })
    }

    pub(super) fn set(&mut self, deadline: Instant) {
        // A wait of zero would stop the timer.
        let wait = deadline.saturating_duration_since(now()).clamp(Duration::from_nanos(1), Self::MAX_WAIT);
        let set = self.timer.get_ref().timer.set(Expiration::OneShot(wait.into()), TimerSetTimeFlags::empty());
        set.expect("a timer accepts any time up to a day");
    }

    pub(super) fn has_fired(&mut self) -> bool {
        self.flag.take() && self.check()
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.flag.register(cx.waker().clone());
        if self.check() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Returns whether the timer has fired. If not, the runtime has the flag's waker afterwards.
    fn check(&mut self) -> bool {
        loop {
            // Events from here on are seen by the next check.
            self.flag.take();
            let mut cx = Context::from_waker(&self.waker);
            // A runtime that shuts down returns an error here, and drops the driver.
            let Poll::Ready(Ok(mut readable)) = self.timer.poll_read_ready(&mut cx) else { return false };
            // Reading gives the number of expirations, and would block if there is none. Any other
            // error counts as fired, because firing too often does no harm.
            if readable.try_io(|timer| timer.get_ref().timer.wait().map_err(io::Error::from)).is_ok() {
                return true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_uses_a_bounded_number_of_descriptors() {
        static SLOTS: Slots = Slots(AtomicUsize::new(0));
        let taken: Vec<_> = (0..=Slots::COUNT).map_while(|_| SLOTS.take()).collect();
        assert_eq!(taken.len(), Slots::COUNT);
        drop(taken);
        assert!(SLOTS.take().is_some());
    }
}
