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

/// Wakes the driver at the time that it names last, or earlier: moving it costs time, and ringing for nothing does no
/// harm.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: Timer,
    /// When it rings, while it is set.
    next: Option<Instant>,
    /// Whether the timer knows whom to wake. While it does it need not be polled, which costs more than a look at it.
    is_heard: bool,
    has_rung: bool,
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
    /// One by tokio's timer.
    ///
    /// # Panics
    ///
    /// Outside the context of a runtime with its time driver enabled.
    pub(crate) fn new() -> Self {
        let timer = Timer::Sleep(Box::pin(sleep(Duration::ZERO)));
        Self { timer, next: None, is_heard: false, has_rung: false }
    }

    /// One by the kernel's timer where there is one, and where nobody can tell it from tokio's.
    ///
    /// # Panics
    ///
    /// As for [`new`](Self::new), and in a runtime without its I/O driver.
    pub(crate) fn beside_sockets() -> Self {
        let alarm = Self::new();
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(timer) = KernelTimer::new() {
            return Self { timer: Timer::Kernel(timer), ..alarm };
        }
        alarm
    }

    /// Has it wake another task from its next poll on.
    pub(crate) fn unset(&mut self) {
        self.is_heard = false;
    }

    /// Whether it will not ring before it is polled.
    pub(crate) fn is_off(&mut self) -> bool {
        !self.is_heard || self.has_rung()
    }

    /// Ready where it has rung; it is to be polled again then, to be set to what is next by then.
    pub(crate) fn poll(&mut self, next: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_rung() {
            return self.ring();
        }
        if let Some(next) = next
            && self.next.is_none_or(|set| next < set)
        {
            self.timer.set(next);
            (self.next, self.is_heard) = (Some(next), false);
        }
        if self.next.is_some() && !self.is_heard {
            // A task that has used up its turn would be told to come back, and the alarm not set.
            let polled = pin!(unconstrained(poll_fn(|cx| self.timer.poll(cx)))).poll(cx);
            if polled.is_ready() {
                return self.ring();
            }
            self.is_heard = true;
        }
        Poll::Pending
    }

    fn has_rung(&mut self) -> bool {
        self.has_rung = self.has_rung || (self.is_heard && self.timer.has_rung());
        self.has_rung
    }

    fn ring(&mut self) -> Poll<()> {
        (self.next, self.is_heard, self.has_rung) = (None, false, false);
        Poll::Ready(())
    }
}

impl Timer {
    fn set(&mut self, next: Instant) {
        match self {
            Self::Sleep(sleep) => sleep.as_mut().reset(next.into()),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Kernel(timer) => timer.set(next),
        }
    }

    /// Whether the time has come for which it was polled. What is said here once need not be said again.
    fn has_rung(&mut self) -> bool {
        match self {
            Self::Sleep(sleep) => sleep.is_elapsed(),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Kernel(timer) => timer.has_rung(),
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
mod tests;
