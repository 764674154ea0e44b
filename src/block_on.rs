//! Blocking a thread on a future, outside a runtime.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Panics if this thread runs async tasks: blocking it would stop those tasks, the endpoint's
/// driver possibly among them.
#[track_caller]
pub(crate) fn assert_may_block() {
    // tokio has no query for this, but its own blocking operations panic in async code.
    let (send, receive) = oneshot::channel::<()>();
    drop(send);
    let _ = receive.blocking_recv();
}

/// Blocks the thread until the future is ready.
#[track_caller]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    block_on_within(future, None).expect("without a limit the future completes")
}

/// Blocks the thread until the future is ready. Returns `None` after `limit`.
#[track_caller]
pub(crate) fn block_on_within<F: Future>(future: F, limit: Option<Duration>) -> Option<F::Output> {
    assert_may_block();
    let start = Instant::now();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
        match limit {
            None => thread::park(),
            Some(limit) => thread::park_timeout(limit.checked_sub(start.elapsed())?),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_future_is_polled_until_it_is_ready() {
        let mut polls = 0;
        let future = std::future::poll_fn(|cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            if polls == 3 { Poll::Ready("ready") } else { Poll::Pending }
        });
        assert_eq!(block_on(future), "ready");
    }

    #[tokio::test]
    #[should_panic(expected = "within a runtime")]
    async fn blocking_in_async_code_panics() {
        block_on(std::future::ready(()));
    }

    #[tokio::test]
    async fn blocking_in_spawn_blocking_works() {
        tokio::task::spawn_blocking(|| block_on(std::future::ready(()))).await.unwrap();
    }

    #[test]
    fn blocking_ends_after_the_limit() {
        assert_eq!(block_on_within(std::future::pending::<()>(), Some(Duration::from_millis(10))), None);
    }
}
