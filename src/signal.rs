use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// Wakes one task; raising it again before that task has looked costs next to nothing.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    raised: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Signal {
    pub(crate) fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Lowers the signal, and sees to it that raising it wakes the task.
    pub(crate) fn lower(&self, cx: &mut Context<'_>) {
        while self.poll(cx).is_ready() {}
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.raised.load(Ordering::Acquire) {
            let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
        }
        if self.raised.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_task_is_woken_once_for_each_time_that_it_looked() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);
        let signal = Signal::default();
        signal.raise();
        signal.lower(&mut cx);
        assert_eq!(count.0.load(Ordering::SeqCst), 0, "it has looked");
        for woken in 1..4 {
            signal.raise();
            signal.raise();
            assert_eq!(count.0.load(Ordering::SeqCst), woken);
            signal.lower(&mut cx);
        }
    }
}
