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

use crate::endpoint::shared::now;
use crate::wake_flag::WakeFlag;

/// A timer that the kernel keeps, and that the runtime hears of as of a socket.
#[derive(Debug)]
pub(super) struct KernelTimer {
    timer: AsyncFd<Readable>,
    /// What the runtime wakes, and what wakes the task. The runtime forgets whom to wake each time that it has heard something,
    /// and be it of what the timer was set to before: that is seen here, and looked into.
    signal: Arc<WakeFlag>,
    waker: Waker,
}

/// Has something to be read when the time has come.
#[derive(Debug)]
struct Readable {
    timer: TimerFd,
    _place: Place,
}

/// The descriptors that timers may take, by how many do.
#[derive(Debug)]
struct Places(AtomicUsize);

/// One of them.
#[derive(Debug)]
struct Place(&'static Places);

static PLACES: Places = Places(AtomicUsize::new(0));

impl AsRawFd for Readable {
    fn as_raw_fd(&self) -> RawFd {
        self.timer.as_fd().as_raw_fd()
    }
}

impl Places {
    /// How many there are: more than a process needs that waits for its calls, and few of the thousand descriptors that it has
    /// by default. A process with more endpoints has something to do whenever it wakes up.
    const COUNT: usize = 64;

    fn take(&'static self) -> Option<Place> {
        let take = |taken| (taken < Self::COUNT).then_some(taken + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok().map(|_| Place(self))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self(Places(taken)) = self;
        taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl KernelTimer {
    /// The longest that it is set to; it rings for nothing then.
    const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

    /// `None` where there is none to be had, and where a test may pause tokio's time, which it can on a runtime of one thread.
    pub(super) fn new() -> Option<Self> {
        if Handle::current().runtime_flavor() != RuntimeFlavor::MultiThread {
            return None;
        }
        let place = PLACES.take()?;
        // `Instant` goes by the same clock.
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK).ok()?;
        #[allow(
            deprecated,
            reason = "its successor is unsafe, because a descriptor might change under it: this one does not"
        )]
        let timer = AsyncFd::with_interest(Readable { timer, _place: place }, Interest::READABLE).ok()?;
        let signal = Arc::new(WakeFlag::default());
        Some(Self { timer, waker: Waker::from(Arc::clone(&signal)), signal })
    }

    pub(super) fn set(&mut self, next: Instant) {
        // A time of nothing would stop it.
        let wait = next.saturating_duration_since(now()).clamp(Duration::from_nanos(1), Self::MAX_WAIT);
        let set = self.timer.get_ref().timer.set(Expiration::OneShot(wait.into()), TimerSetTimeFlags::empty());
        set.expect("a timer takes every time of a day");
    }

    pub(super) fn has_rung(&mut self) -> bool {
        self.signal.lower() && self.look()
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.signal.wakes(cx.waker().clone());
        if self.look() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether the time has come; the runtime knows whom to wake if it has not.
    fn look(&mut self) -> bool {
        loop {
            // What the runtime says from here on is heard the next time.
            self.signal.lower();
            let mut cx = Context::from_waker(&self.waker);
            // A runtime that shuts down wakes nobody any more, and drops whoever waits.
            let Poll::Ready(Ok(mut readable)) = self.timer.poll_read_ready(&mut cx) else { return false };
            // What can be read is how often it has rung. Where that cannot be told, it rings rather once too often.
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
    fn many_endpoints_do_not_take_a_descriptor_each() {
        static PLACES: Places = Places(AtomicUsize::new(0));
        let taken: Vec<_> = (0..=Places::COUNT).map_while(|_| PLACES.take()).collect();
        assert_eq!(taken.len(), Places::COUNT);
        drop(taken);
        assert!(PLACES.take().is_some());
    }
}
