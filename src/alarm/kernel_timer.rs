use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::shared::now;

/// A timer that the kernel keeps, and that the runtime hears of as of a socket.
#[derive(Debug)]
pub(super) struct KernelTimer {
    timer: AsyncFd<Readable>,
    deadline: Instant,
    has_rung: bool,
}

/// Has something to be read when the time has come.
#[derive(Debug)]
struct Readable {
    timer: TimerFd,
    _place: Place,
}

/// One of the descriptors that timers may take.
#[derive(Debug)]
struct Place;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

impl AsRawFd for Readable {
    fn as_raw_fd(&self) -> RawFd {
        self.timer.as_fd().as_raw_fd()
    }
}

impl Place {
    /// How many there are. A process has a thousand descriptors by default, and in one that has many endpoints each waits for
    /// others' sockets and timers as well.
    const COUNT: usize = 64;

    fn take() -> Option<Self> {
        let take = |taken| (taken < Self::COUNT).then_some(taken + 1);
        TAKEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok().map(|_| Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.fetch_sub(1, Ordering::Relaxed);
    }
}

impl KernelTimer {
    /// `None` where there is none to be had, and where a test may pause tokio's time, which it can on a runtime of one thread.
    pub(super) fn new(deadline: Instant) -> Option<Self> {
        if Handle::current().runtime_flavor() != RuntimeFlavor::MultiThread {
            return None;
        }
        let place = Place::take()?;
        // `Instant` goes by the same clock.
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK).ok()?;
        #[allow(
            deprecated,
            reason = "its successor is unsafe, because a descriptor might change under it: this one does not"
        )]
        let timer = AsyncFd::with_interest(Readable { timer, _place: place }, Interest::READABLE).ok()?;
        let mut timer = Self { timer, deadline, has_rung: false };
        timer.reset(deadline);
        Some(timer)
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn has_rung(&mut self) -> bool {
        if !self.has_rung {
            // There is no system call unless the runtime has heard of it.
            let read = self.timer.try_io(Interest::READABLE, |readable| readable.timer.wait().map_err(io::Error::from));
            self.has_rung = read.is_ok();
        }
        self.has_rung
    }

    pub(super) fn reset(&mut self, deadline: Instant) {
        (self.deadline, self.has_rung) = (deadline, false);
        // A time of nothing would stop it.
        let wait = deadline.saturating_duration_since(now()).max(Duration::from_nanos(1));
        let set = self.timer.get_ref().timer.set(Expiration::OneShot(wait.into()), TimerSetTimeFlags::empty());
        set.expect("a timer takes every time that there is");
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // A runtime that shuts down wakes nobody any more, and drops whoever waits.
            let Poll::Ready(Ok(_)) = self.timer.poll_read_ready(cx) else { return Poll::Pending };
            if self.has_rung() {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn many_endpoints_do_not_take_a_descriptor_each() {
        let timer = || KernelTimer::new(now() + Duration::from_secs(60));
        let timers: Vec<_> = (0..Place::COUNT + 1).map_while(|_| timer()).collect();
        // Other tests have some.
        assert!((1..=Place::COUNT).contains(&timers.len()));
        drop(timers);
        assert!(timer().is_some());
    }
}
