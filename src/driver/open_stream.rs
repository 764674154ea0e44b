use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rpcudp_core::MessageId;
use rpcudp_secure::{LinkEnd, LinkStream, Links, StreamDecoder, StreamFrame, StreamRead};

use crate::links::flow::Flow;

/// The open streams of all links.
pub(super) type LinkStreams = BTreeMap<LinkStream, OpenStream>;

/// A stream, as the driver sees it.
#[derive(Debug)]
pub(super) struct OpenStream {
    pub(super) flow: Arc<Flow>,
    /// The bytes of the request or the response, until it is complete.
    pub(super) head: Option<StreamDecoder>,
    pub(super) role: Role,
}

#[derive(Debug)]
pub(super) enum Role {
    /// This endpoint has made the call with this key in the table.
    Caller(MessageId),
    /// The peer has made a request, which is known once it has arrived by its id and its source.
    Server(Option<(MessageId, SocketAddr)>),
}

/// The state of the first frame of a stream.
pub(super) enum Head {
    Pending,
    Complete(Bytes),
    /// There is none, and the call ends for this reason: the peer has closed the stream, or broken
    /// the protocol.
    Missing(LinkEnd),
}

impl OpenStream {
    /// Bytes of a request that are read at once.
    const READ_LEN: usize = 16 << 10;

    pub(super) fn new(flow: Arc<Flow>, role: Role) -> Self {
        Self { flow, head: Some(StreamDecoder::default()), role }
    }

    /// Reads the request or the response.
    pub(super) fn read_head(&mut self, links: &mut Links, stream: LinkStream, now: Instant) -> Head {
        let Some(decoder) = &mut self.head else { return Head::Pending };
        let max_len = match self.role {
            Role::Caller(_) => StreamFrame::MAX_ITEM_LEN,
            Role::Server(_) => Flow::MAX_REQUEST_LEN,
        };
        loop {
            match decoder.next_frame(max_len) {
                Ok(Some(StreamFrame::Item(frame))) => {
                    let rest = self.head.take().map(StreamDecoder::into_rest);
                    self.flow.receive(rest.unwrap_or_default());
                    return Head::Complete(frame);
                }
                Ok(None) => {}
                _ => return Head::Missing(LinkEnd::Lost),
            }
            match links.read_stream(now, stream, Self::READ_LEN) {
                StreamRead::Chunk(chunk) => decoder.push(&chunk),
                StreamRead::Finished => return Head::Missing(LinkEnd::Lost),
                StreamRead::Reset => return Head::Missing(LinkEnd::Closed),
                _ => return Head::Pending,
            }
        }
    }
}
