//! The end of a driver.

use std::task::Poll;
use std::time::Duration;

use super::{Driver, earlier};
use crate::clock::now;
use crate::endpoint::shared::Shared;

impl Driver {
    /// Time to wait for aborted handlers. A handler that blocks its thread does not notice the
    /// abort.
    const MAX_ABORT: Duration = Duration::from_secs(1);

    /// Ready when a closing endpoint can be closed.
    pub(super) fn poll_closed(&mut self) -> Poll<()> {
        let Shared { lifecycle, handlers, .. } = &*self.shared;
        let Some(handler_deadline) = lifecycle.handler_deadline() else { return Poll::Pending };
        let has_no_handlers = handlers.is_idle();
        let now = now();
        let is_closed = if now < handler_deadline {
            let has_no_streams = self.links.as_ref().is_none_or(|links| !links.has_served_streams());
            let has_ended = has_no_handlers && has_no_streams;
            let links = self.links.as_mut().filter(|_| has_ended);
            let settles_at = links.and_then(|links| links.settles_at());
            self.closes_at = earlier(Some(handler_deadline), settles_at);
            let has_no_frames = settles_at.is_none() && self.links.as_ref().is_none_or(|links| links.is_idle());
            has_ended && has_no_frames && self.flush.is_done() && self.send_queue().is_empty()
        } else {
            handlers.abort();
            let abort_deadline = handler_deadline + Self::MAX_ABORT;
            self.closes_at = Some(abort_deadline);
            has_no_handlers || now >= abort_deadline
        };
        if !is_closed {
            return Poll::Pending;
        }
        if let Some(links) = &mut self.links {
            links.close(&*self.transport);
        }
        Poll::Ready(())
    }
}

impl Drop for Driver {
    /// Ends every handler, call and session, even if the runtime drops the driver, or after a panic
    /// of its own.
    fn drop(&mut self) {
        let Shared { lifecycle, handlers, calls, sessions, .. } = &*self.shared;
        // An endpoint that is already closing has ended its sessions.
        if !lifecycle.is_closing() {
            lifecycle.set_closing();
            sessions.on_close.get().into_iter().for_each(|close| close());
        }
        handlers.abort();
        calls.close();
    }
}
