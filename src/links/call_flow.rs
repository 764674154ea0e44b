use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rpcudp_secure::LinkStream;

use super::flow::Flow;
use super::flow_reader::FlowReader;
use super::pump::Source;
use crate::lock::Lock;

/// The stream of a call. It is given up if it is dropped, unless the caller reads its items.
pub(crate) struct CallFlow {
    pub(crate) flow: Arc<Flow>,
    /// The items that follow the request.
    items: Lock<Option<Source>>,
    has_reader: AtomicBool,
}

impl CallFlow {
    pub(crate) fn new(flow: Arc<Flow>, items: Option<Source>) -> Self {
        Self { flow, items: Lock::new(items), has_reader: AtomicBool::new(false) }
    }

    /// Sends the request. Returns the items that follow it, for a task that sends them.
    #[must_use]
    pub(crate) fn begin(&self, request: &[u8]) -> Option<Source> {
        self.flow.send_request(request);
        let items = self.items.lock().take();
        if items.is_none() {
            self.flow.finish();
        }
        items
    }

    /// Returns the reader of the items that follow the response. `None` after the first time.
    pub(crate) fn reader(&self) -> Option<FlowReader> {
        let had_reader = self.has_reader.swap(true, Ordering::Relaxed);
        (!had_reader).then(|| FlowReader::new(Arc::clone(&self.flow), true))
    }
}

impl Drop for CallFlow {
    fn drop(&mut self) {
        if !self.has_reader.load(Ordering::Relaxed) {
            self.flow.reset(LinkStream::DROPPED);
            self.flow.stop(LinkStream::DROPPED);
        }
    }
}

impl fmt::Debug for CallFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallFlow")
    }
}
