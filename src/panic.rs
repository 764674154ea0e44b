//! The two places that catch panics of user code: handlers, layers and `Serialize` implementations.

use std::future::Future;
use std::mem;
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
    catch_unwind(AssertUnwindSafe(code)).map_err(|payload| {
        // The payload is a value of the user's, and its `Drop` may panic too. The payload of that
        // panic is leaked: its own `Drop` might panic again, and so on.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
            mem::forget(payload);
        }
        Panicked
    })
}

/// Polls a user's future and catches its panic. The future must not be polled again after a panic.
pub(crate) fn catch_poll<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Panicked>> {
    match catch(|| future.poll(cx)) {
        Ok(polled) => polled.map(Ok),
        Err(Panicked) => Poll::Ready(Err(Panicked)),
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    struct PanicsOnDrop(u32);

    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic_any(Self(self.0 + 1));
        }
    }

    #[test]
    fn payload_with_a_drop_that_panics_is_one_panic() {
        assert!(catch(|| panic_any(PanicsOnDrop(0))).is_err());
        assert!(catch(|| panic_any(Box::new(PanicsOnDrop(0)))).is_err());
        assert_eq!(catch(|| 1).ok(), Some(1));
    }
}
