use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rpcudp_core::MessageId;
use rpcudp_secure::{LinkEnd, LinkId, LinkStream, Links, StreamDecoder, StreamFrame, StreamRead};

use crate::links::flow::Flow;

/// The open streams of all links.
#[derive(Debug, Default)]
pub(super) struct LinkStreams {
    open: BTreeMap<LinkStream, OpenStream>,
    /// The calls of this endpoint with streams on which no response has arrived.
    calls: BTreeSet<MessageId>,
    /// The streams of requests that peers have made.
    served_count: usize,
}

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

impl LinkStreams {
    pub(super) fn insert(&mut self, stream: LinkStream, open: OpenStream) {
        self.calls.extend(open.awaiting_call());
        self.served_count += usize::from(open.is_served());
        self.open.insert(stream, open);
    }

    pub(super) fn remove(&mut self, stream: LinkStream) -> Option<OpenStream> {
        let open = self.open.remove(&stream)?;
        self.served_count -= usize::from(open.is_served());
        if let Some(call) = open.awaiting_call() {
            self.calls.remove(&call);
        }
        Some(open)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn contains(&self, stream: LinkStream) -> bool {
        self.open.contains_key(&stream)
    }

    /// Returns whether the response to a call has to come over a stream, and has not.
    pub(super) fn has_call(&self, call: &MessageId) -> bool {
        !self.calls.is_empty() && self.calls.contains(call)
    }

    /// Returns whether a method of this endpoint sends or reads items.
    pub(super) fn has_served(&self) -> bool {
        self.served_count > 0
    }

    /// Removes a stream of a link.
    pub(super) fn pop(&mut self, link: LinkId) -> Option<OpenStream> {
        let (&stream, _) = self.open.range(LinkStream::first_of(link)..).next()?;
        if stream.link == link { self.remove(stream) } else { None }
    }

    /// Removes all streams.
    pub(super) fn take(&mut self) -> impl Iterator<Item = OpenStream> + use<> {
        mem::take(self).open.into_values()
    }
}

impl OpenStream {
    /// Bytes of a request that are read at once.
    const READ_LEN: usize = 16 << 10;

    pub(super) fn new(flow: Arc<Flow>, role: Role) -> Self {
        Self { flow, head: Some(StreamDecoder::default()), role }
    }

    /// Returns the call that waits for a response on the stream.
    pub(super) fn awaiting_call(&self) -> Option<MessageId> {
        match self.role {
            Role::Caller(call) if self.head.is_some() => Some(call),
            _ => None,
        }
    }

    /// Returns whether a method of this endpoint sends or reads the items.
    fn is_served(&self) -> bool {
        matches!(self.role, Role::Server(Some(_)))
    }

    /// Gives up both halves, because the peer has broken the protocol or sent no first frame.
    pub(super) fn refuse(&self) {
        self.flow.reset(LinkStream::MALFORMED);
        self.flow.stop(LinkStream::MALFORMED);
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
                    self.flow.receive(&rest.unwrap_or_default());
                    return Head::Complete(frame);
                }
                Ok(None) => {}
                _ => return Head::Missing(LinkEnd::Lost),
            }
            match links.read_stream(now, stream, Self::READ_LEN) {
                StreamRead::Chunk(chunk) => decoder.push(&chunk),
                StreamRead::Finished => return Head::Missing(LinkEnd::Lost),
                StreamRead::Reset(LinkStream::CLOSED) => return Head::Missing(LinkEnd::Closed),
                StreamRead::Reset(LinkStream::SESSION_ENDED) => return Head::Missing(LinkEnd::SessionEnded),
                StreamRead::Reset(_) => return Head::Missing(LinkEnd::Dropped),
                _ => return Head::Pending,
            }
        }
    }
}
