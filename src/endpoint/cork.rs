use std::fmt;
use std::sync::Arc;

use super::shared::Shared;

/// A value that holds back queued datagrams until it is dropped. Returned by
/// [`Endpoint::cork`](crate::Endpoint::cork).
#[must_use = "the datagrams leave when this is dropped"]
pub struct Cork {
    shared: Arc<Shared>,
}

impl Cork {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        shared.send_queues.cork();
        Self { shared: Arc::clone(shared) }
    }

    /// Lets the datagrams leave that have been queued so far, and holds back the next ones for
    /// another millisecond.
    pub fn flush(&self) {
        self.shared.send_queues.flush_corked();
    }
}

impl Drop for Cork {
    fn drop(&mut self) {
        self.shared.send_queues.uncork();
    }
}

impl fmt::Debug for Cork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cork").finish_non_exhaustive()
    }
}
