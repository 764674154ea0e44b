use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use rpcudp_secure::LinkStream;

use super::flow::{Flow, FlowEnd};

/// The reader of a stream. Dropping it stops the sender.
#[derive(Debug)]
pub(crate) struct FlowReader {
    flow: Arc<Flow>,
    /// Whether the other half ends with this one, because it belongs to the same call.
    ends_sending: bool,
}

impl FlowReader {
    pub(super) fn new(flow: Arc<Flow>, ends_sending: bool) -> Self {
        Self { flow, ends_sending }
    }

    /// Returns the next bytes, or the end.
    pub(crate) fn poll_chunk(&self, cx: &mut Context<'_>) -> Poll<Result<Bytes, FlowEnd>> {
        self.flow.poll_chunk(cx)
    }

    /// Gives up the stream, because the peer has broken the protocol.
    pub(crate) fn refuse(&self) {
        self.flow.stop(LinkStream::MALFORMED);
    }
}

impl Drop for FlowReader {
    fn drop(&mut self) {
        self.flow.stop(LinkStream::DROPPED);
        if self.ends_sending {
            self.flow.reset(LinkStream::DROPPED);
        }
    }
}
