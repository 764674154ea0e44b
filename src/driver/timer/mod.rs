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

/// The driver's timer. It fires at the deadline that the driver has set last, or earlier: moving a
/// deadline back costs time, and firing too early does no harm.
#[derive(Debug)]
pub(crate) struct Timer {
    source: TimeSource,
    /// The deadline, if one is set.
    deadline: Option<Instant>,
    /// Whether the source has the driver's waker. While it has, it need not be polled, which costs
    /// more than checking whether it has fired.
    is_registered: bool,
    has_fired: bool,
}

#[derive(Debug)]
enum TimeSource {
    /// Tokio's timer, whose clock a test may pause. While one is set, each of the runtime's waits
    /// for events is slower: it reads the clock twice, and passes a timeout to the kernel.
    Tokio(Pin<Box<Sleep>>),
    /// A kernel timer, which costs nothing until it fires.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Kernel(KernelTimer),
}

impl Timer {
    /// Returns a timer on tokio's clock.
    ///
    /// # Panics
    ///
    /// Outside the context of a runtime with its time driver enabled.
    pub(crate) fn new() -> Self {
        let source = TimeSource::Tokio(Box::pin(sleep(Duration::ZERO)));
        Self { source, deadline: None, is_registered: false, has_fired: false }
    }

    /// Returns a kernel timer if there is one and no test can pause the clock, else a timer on
    /// tokio's clock.
    ///
    /// # Panics
    ///
    /// As for [`new`](Self::new), and in a runtime without its I/O driver.
    pub(crate) fn beside_sockets() -> Self {
        let timer = Self::new();
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(kernel_timer) = KernelTimer::new() {
            return Self { source: TimeSource::Kernel(kernel_timer), ..timer };
        }
        timer
    }

    /// Makes the next poll register its waker.
    pub(crate) fn unregister(&mut self) {
        self.is_registered = false;
    }

    /// Returns whether the timer must be polled before it can fire.
    pub(crate) fn is_off(&mut self) -> bool {
        !self.is_registered || self.check_fired()
    }

    /// Ready if the timer has fired. The driver must then poll it again with its next deadline.
    pub(crate) fn poll(&mut self, deadline: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        if self.check_fired() {
            return self.fire();
        }
        if let Some(deadline) = deadline
            && self.deadline.is_none_or(|set| deadline < set)
        {
            self.source.set(deadline);
            (self.deadline, self.is_registered) = (Some(deadline), false);
        }
        if self.deadline.is_some() && !self.is_registered {
            // Unconstrained, because a task without budget would be woken again with the timer
            // unset.
            let polled = pin!(unconstrained(poll_fn(|cx| self.source.poll(cx)))).poll(cx);
            if polled.is_ready() {
                return self.fire();
            }
            self.is_registered = true;
        }
        Poll::Pending
    }

    fn check_fired(&mut self) -> bool {
        self.has_fired = self.has_fired || (self.is_registered && self.source.has_fired());
        self.has_fired
    }

    fn fire(&mut self) -> Poll<()> {
        (self.deadline, self.is_registered, self.has_fired) = (None, false, false);
        Poll::Ready(())
    }
}

impl TimeSource {
    fn set(&mut self, deadline: Instant) {
        match self {
            Self::Tokio(sleep) => sleep.as_mut().reset(deadline.into()),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Kernel(timer) => timer.set(deadline),
        }
    }

    /// Returns whether the deadline for which the source was polled has passed. May return `true`
    /// once only.
    fn has_fired(&mut self) -> bool {
        match self {
            Self::Tokio(sleep) => sleep.is_elapsed(),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Kernel(timer) => timer.has_fired(),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tokio(sleep) => sleep.as_mut().poll(cx),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Kernel(timer) => timer.poll(cx),
        }
    }
}

#[cfg(test)]
mod tests;
