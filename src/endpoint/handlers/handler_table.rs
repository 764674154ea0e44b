use std::net::SocketAddr;
use std::sync::Arc;

use rpcudp_core::{MessageId, RunningRequests};

use super::running_handler::RunningHandler;

/// The running handlers of an endpoint, and the states of ended ones for reuse.
#[derive(Debug)]
pub(super) struct HandlerTable {
    requests: RunningRequests<Arc<RunningHandler>>,
    spare: Vec<Arc<RunningHandler>>,
}

impl HandlerTable {
    /// The states that are kept for reuse: as many as the default limit of handlers.
    const MAX_SPARE_COUNT: usize = 1_024;

    pub(super) fn new(limit: usize, secret: u64) -> Self {
        Self { requests: RunningRequests::new(limit, secret), spare: Vec::new() }
    }

    /// Adds a handler. Returns `None` if its caller has cancelled the request.
    pub(super) fn add(&mut self, request: Option<(MessageId, SocketAddr)>) -> Option<(usize, Arc<RunningHandler>)> {
        if request.is_some_and(|(id, source)| self.requests.was_cancelled(id, source)) {
            return None;
        }
        let handler = self.spare.pop().unwrap_or_default();
        Some((self.requests.insert(request, Arc::clone(&handler)), handler))
    }

    /// Removes a handler that has ended. Its permit still has the state, and uses it no more.
    pub(super) fn remove(&mut self, key: usize) {
        let Some(handler) = self.requests.remove(key) else { return };
        // Reused unless a context of the request is left besides the permit.
        if Arc::strong_count(&handler) <= 2 && self.spare.len() < Self::MAX_SPARE_COUNT {
            handler.reset();
            self.spare.push(handler);
        }
    }

    /// Returns the handlers of a request that its caller cancels, and remembers the cancellation.
    pub(super) fn cancel(&mut self, id: MessageId, source: SocketAddr) -> Vec<Arc<RunningHandler>> {
        let mut cancelled = Vec::new();
        self.requests.cancel(id, source, |handler| cancelled.push(Arc::clone(handler)));
        cancelled
    }

    /// Returns all running handlers.
    pub(super) fn all(&self) -> Vec<Arc<RunningHandler>> {
        self.requests.iter().map(Arc::clone).collect()
    }
}
