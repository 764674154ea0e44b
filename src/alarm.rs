use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::unconstrained;
use tokio::time::{Sleep, sleep};

use crate::shared::now;

/// Wakes the driver at the time that it names last, or earlier: moving it costs time, and ringing for nothing does no
/// harm.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// Whether it knows whom to wake. While it does it need not be polled, which costs more than a look at it.
    is_set: bool,
}

impl Alarm {
    /// When it rings that nobody waits for.
    const FAR: Duration = Duration::from_secs(24 * 60 * 60);

    /// Must be called in the context of a runtime.
    pub(crate) fn new() -> Self {
        Self { sleep: Box::pin(sleep(Self::FAR)), is_set: false }
    }

    /// Has it wake another task from its next poll on.
    pub(crate) fn unset(&mut self) {
        self.is_set = false;
    }

    /// Whether it will not ring before it is polled.
    pub(crate) fn is_off(&self) -> bool {
        !self.is_set || self.sleep.is_elapsed()
    }

    /// Ready where it has rung; it is to be polled again then.
    pub(crate) fn poll(&mut self, next: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let has_rung = self.sleep.is_elapsed();
        if has_rung || next.is_some_and(|next| next < self.sleep.deadline().into_std()) {
            let next = next.unwrap_or_else(|| now() + Self::FAR);
            self.sleep.as_mut().reset(next.into());
            self.is_set = false;
        }
        if !self.is_set {
            // A task that has used up its turn would be told to come back, and the alarm not set.
            let polled = pin!(unconstrained(self.sleep.as_mut())).poll(cx);
            self.is_set = polled.is_pending();
        }
        if has_rung || !self.is_set { Poll::Ready(()) } else { Poll::Pending }
    }
}
