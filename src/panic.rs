//! The two places that catch panics of user code: handlers, layers and `Serialize` implementations.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// User code panicked instead of returning.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Runs user code and catches its panic.
///
/// `AssertUnwindSafe` is justified because the panic ends one request: data that the code left half
/// changed is the user's own.
pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|_| Panicked)
}

/// Polls a user's future and catches its panic. The future must not be polled again after a panic.
pub(crate) fn catch_poll<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Panicked>> {
    match catch(|| future.poll(cx)) {
        Ok(polled) => polled.map(Ok),
        Err(Panicked) => Poll::Ready(Err(Panicked)),
    }
}
