use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rpcudp_secure::LinkStream;

use super::flow::Flow;
use super::flow_reader::FlowReader;
use super::session_streams::SessionStreams;

/// The stream that a request came over, at its server. It is given up if it is dropped before the
/// response.
pub(crate) struct RequestFlow {
    flow: Arc<Flow>,
    /// Whether items follow the response.
    has_items: AtomicBool,
    /// Whether the handler reads the items that follow the request.
    has_reader: AtomicBool,
    has_response: AtomicBool,
}

impl RequestFlow {
    pub(crate) fn new(flow: Arc<Flow>) -> Self {
        let [has_items, has_reader, has_response] = [false; 3].map(AtomicBool::new);
        Self { flow, has_items, has_reader, has_response }
    }

    /// Returns the stream for items that follow the response.
    pub(crate) fn for_items(&self) -> Arc<Flow> {
        self.has_items.store(true, Ordering::Relaxed);
        Arc::clone(&self.flow)
    }

    /// Returns the reader of the items that follow the request. `None` after the first time.
    pub(crate) fn reader(&self) -> Option<FlowReader> {
        let had_reader = self.has_reader.swap(true, Ordering::Relaxed);
        (!had_reader).then(|| FlowReader::new(Arc::clone(&self.flow), false))
    }

    /// Lets the stream end with the session that the method needs.
    pub(crate) fn end_with(&self, session: &SessionStreams) {
        session.add(&self.flow);
    }

    /// Sends the response.
    pub(crate) fn respond(&self, response: &[u8]) {
        if self.has_response.swap(true, Ordering::Relaxed) {
            return;
        }
        self.flow.send_response(response);
        if !self.has_items.load(Ordering::Relaxed) {
            self.flow.finish();
        }
        if !self.has_reader.load(Ordering::Relaxed) {
            self.flow.stop(LinkStream::DROPPED);
        }
    }

    /// Gives up the stream without a response, because the endpoint closes.
    pub(crate) fn abort(&self) {
        self.give_up(LinkStream::CLOSED);
    }

    fn give_up(&self, code: u32) {
        if !self.has_response.swap(true, Ordering::Relaxed) {
            self.flow.reset(code);
            if !self.has_reader.load(Ordering::Relaxed) {
                self.flow.stop(code);
            }
        }
    }
}

impl Drop for RequestFlow {
    fn drop(&mut self) {
        self.give_up(LinkStream::DROPPED);
    }
}

impl fmt::Debug for RequestFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestFlow")
    }
}
