use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rpcudp_core::MessageId;
use tokio::time::sleep_until;

use super::running_handler::RunningHandler;
use super::{Bounds, HandlerPermit, Handlers};
use crate::telemetry::trace::Trace;

/// The permit of a response that waits to be sent. Dropping it makes room for another one, and lets
/// the endpoint close.
pub(crate) struct DelayPermit {
    permit: HandlerPermit,
    len: usize,
}

impl Handlers {
    /// Bytes of responses that wait. A burst of requests in the name of others can hold no more
    /// memory, and the responses to later requests do not wait.
    const MAX_DELAYED_LEN: usize = 1 << 20;

    /// The memory of a waiting response besides its bytes: a task with a timer.
    const DELAYED_OVERHEAD: usize = 512;

    /// Returns a permit for a response of `len` bytes to wait, or `None` at the limit.
    pub(crate) fn try_delay(self: &Arc<Self>, len: usize) -> Option<DelayPermit> {
        let len = len + Self::DELAYED_OVERHEAD;
        let added = self.delayed_len.fetch_update(Ordering::AcqRel, Ordering::Acquire, |delayed| {
            Some(delayed + len).filter(|delayed| *delayed <= Self::MAX_DELAYED_LEN)
        });
        added.ok()?;
        self.permit_count.fetch_add(1, Ordering::AcqRel);
        let handler = Some(RunningHandler::take());
        Some(DelayPermit { permit: HandlerPermit { handlers: Arc::clone(self), room: None, handler }, len })
    }
}

impl DelayPermit {
    /// Waits until it is time to respond. Returns `false` if no response is needed any more: the
    /// caller has cancelled the request, or the endpoint has closed.
    pub(crate) async fn wait(&self, until: Instant, request: Option<(MessageId, SocketAddr)>) -> bool {
        let trace = Trace::NONE;
        let bounds = Bounds { expiry: None, request, ends_if_cancelled: true };
        self.permit.guard(&trace, bounds, sleep_until(until.into())).await.is_ok()
    }
}

impl Drop for DelayPermit {
    fn drop(&mut self) {
        self.permit.handlers.delayed_len.fetch_sub(self.len, Ordering::AcqRel);
    }
}
