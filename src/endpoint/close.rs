use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::block_on::block_on;
use crate::endpoint::shared::Shared;

/// The end of an endpoint: `.await` it, or [`wait`](Self::wait) for it outside async code.
#[must_use = "the endpoint may still be closing while this is not awaited"]
pub struct Close {
    closed: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Close {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { closed: Box::pin(async move { shared.lifecycle.closed().await }) }
    }

    /// Blocks the thread until the endpoint is closed.
    ///
    /// # Panics
    ///
    /// In async code, which is to await it.
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
