use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::lifecycle::Lifecycle;
use crate::block_on::block_on;

/// A future that completes when the endpoint is closed.
///
/// Returned by [`Endpoint::close`](crate::Endpoint::close) and
/// [`Endpoint::closed`](crate::Endpoint::closed). `.await` it, or call [`wait`](Self::wait) outside
/// async code.
///
/// # Cancel safety
///
/// Dropping this future does not stop the endpoint from closing.
#[must_use = "the endpoint may still be closing until this is awaited"]
pub struct Close {
    closed: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Close {
    pub(crate) fn new(lifecycle: Arc<Lifecycle>) -> Self {
        Self { closed: Box::pin(async move { lifecycle.closed().await }) }
    }

    /// Blocks the thread until the endpoint is closed.
    ///
    /// # Panics
    ///
    /// In async code. Await it there.
    #[track_caller]
    pub fn wait(self) {
        block_on(self);
    }
}

impl Future for Close {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.closed.as_mut().poll(cx)
    }
}

impl fmt::Debug for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Close").finish_non_exhaustive()
    }
}
