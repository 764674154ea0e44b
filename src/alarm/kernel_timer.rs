use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
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
struct Readable(TimerFd);

impl AsRawFd for Readable {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl KernelTimer {
    /// `None` where there is none to be had, and where a test may pause tokio's time, which it can on a runtime of one thread.
    pub(super) fn new(deadline: Instant) -> Option<Self> {
        if Handle::current().runtime_flavor() != RuntimeFlavor::MultiThread {
            return None;
        }
        // `Instant` goes by the same clock.
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK).ok()?;
        #[allow(
            deprecated,
            reason = "its successor is unsafe, because a descriptor might change under it: this one does not"
        )]
        let timer = AsyncFd::with_interest(Readable(timer), Interest::READABLE).ok()?;
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
            let read = self.timer.try_io(Interest::READABLE, |Readable(timer)| timer.wait().map_err(io::Error::from));
            self.has_rung = read.is_ok();
        }
        self.has_rung
    }

    pub(super) fn reset(&mut self, deadline: Instant) {
        (self.deadline, self.has_rung) = (deadline, false);
        // A time of nothing would stop it.
        let wait = deadline.saturating_duration_since(now()).max(Duration::from_nanos(1));
        let set = self.timer.get_ref().0.set(Expiration::OneShot(wait.into()), TimerSetTimeFlags::empty());
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
