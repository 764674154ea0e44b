use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::frame_id::FrameId;
use crate::peer_id::PeerId;

/// The number of a link. It is not used again after the link has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId {
    /// The place in the table.
    pub(super) slot: u32,
    /// The number of links that the table has had before.
    pub(super) generation: u32,
}

/// A bidirectional stream of a link. Its number is not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkStream {
    /// The link.
    pub link: LinkId,
    /// The number among the streams of the link, which the peer does not know.
    pub(super) number: u64,
}

impl LinkStream {
    /// The code with which an end gives up its half of a stream: the sender or receiver of the
    /// items was dropped.
    pub const DROPPED: u32 = 1;

    /// The code for a stream that breaks the protocol.
    pub const MALFORMED: u32 = 2;

    /// The code for a stream that ends because its endpoint closes.
    pub const CLOSED: u32 = 3;

    /// The code for a stream that ends because the session of its caller has ended.
    pub const SESSION_ENDED: u32 = 4;

    /// Returns the first number of the streams of a link, for ranges.
    #[must_use]
    pub fn first_of(link: LinkId) -> Self {
        Self { link, number: 0 }
    }
}

/// The result of reading a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamRead {
    /// The next bytes.
    Chunk(Bytes),
    /// More has to arrive. An event follows.
    Blocked,
    /// The peer has ended its half, and all of its bytes were read. Also the result of reading a
    /// stream that has ended.
    Finished,
    /// The peer has given up its half, with this code. Bytes may be missing.
    Reset(u32),
}

/// The peer receives no more of a stream, or its link has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamStopped;

impl fmt::Display for StreamStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer receives no more of the stream")
    }
}

impl Error for StreamStopped {}

/// The key that is expected of a peer at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// This key. The peer is not told the own key before it has proven this one.
    Key(PeerId),
    /// Any key: the link is encrypted, and its [`Up`](LinkEvent::Up) has the key.
    Any,
}

/// No expectation of a key: see [`Expected::Any`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnyPeer;

impl From<PeerId> for Expected {
    fn from(peer: PeerId) -> Self {
        Self::Key(peer)
    }
}

impl From<AnyPeer> for Expected {
    fn from(AnyPeer: AnyPeer) -> Self {
        Self::Any
    }
}

/// Memory that is reserved for a frame which its owner holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldMemory {
    pub(super) peer: PeerId,
    pub(super) len: usize,
}

/// An event of a link, from [`Links::poll`](super::Links::poll).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEvent {
    /// The link is up: both ends have proven their keys. The called end may still refuse the
    /// caller's.
    Up {
        /// The link.
        link: LinkId,
        /// The peer's key.
        peer: PeerId,
        /// The peer's address.
        addr: SocketAddr,
    },
    /// A frame has arrived.
    Frame {
        /// The link.
        link: LinkId,
        /// The frame.
        frame: Bytes,
        /// The memory that stays reserved for the frame until the owner releases it
        /// ([`Links::release`](super::Links::release)). `None` for a frame that came in a packet.
        held: Option<HeldMemory>,
    },
    /// A frame that does not fit into a packet has begun to arrive. [`Frame`](Self::Frame) follows
    /// when it is complete, unless its sender cancels it, or the owner
    /// ([`Links::cancel`](super::Links::cancel)).
    Arriving {
        /// The link.
        link: LinkId,
        /// The first byte of the frame.
        kind: u8,
        /// The id of the frame.
        id: FrameId,
        /// The length of the whole frame, in bytes.
        len: usize,
    },
    /// More of such a frame has arrived.
    Received {
        /// The link.
        link: LinkId,
        /// The id of the frame.
        id: FrameId,
        /// The bytes that have arrived.
        received: usize,
        /// The length of the whole frame, in bytes.
        len: usize,
    },
    /// A frame that does not fit into a packet was queued for a stream, or more of it was passed to
    /// QUIC, which sends it as the network allows.
    Sent {
        /// The link.
        link: LinkId,
        /// The first byte of the frame.
        kind: u8,
        /// The id of the frame.
        id: FrameId,
        /// The bytes that were passed to QUIC.
        sent: usize,
    },
    /// The peer has stopped a request that does not fit into a packet, or a response that does not
    /// will not arrive as a whole: its sender has given it up, or this end, because it is too large
    /// or nothing of it has arrived for 30 s.
    Dropped {
        /// The link, which goes on.
        link: LinkId,
        /// The first byte of the frame.
        kind: u8,
        /// The id of the frame.
        id: FrameId,
        /// The reason: [`LinkEnd::Dropped`], or that the frame is too large.
        reason: LinkEnd,
    },
    /// A stream may have work: bytes to read, room to write, or the peer has given up a half of it.
    /// The first event of a stream that the peer has opened is its beginning.
    Stream {
        /// The stream.
        stream: LinkStream,
    },
    /// The link has ended, or could not be opened. Its number is of no use any more.
    Down {
        /// The link.
        link: LinkId,
        /// The reason.
        reason: LinkEnd,
    },
}

/// The reason why a link has ended, or why a call over one has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEnd {
    /// The peer did not respond to the handshake: it is away, or serves no links.
    NoAnswer,
    /// The peer refused the own key, or has too many links.
    Refused,
    /// The peer at the address has proven another key than the expected one. The own key was not
    /// shown.
    WrongPeer {
        /// The expected key.
        expected: PeerId,
        /// The key that the peer has proven.
        found: PeerId,
    },
    /// The peer speaks QUIC, but not this protocol, or it has no raw Ed25519 key.
    Incompatible,
    /// The peer was silent for the idle timeout, has restarted, or broke the protocol.
    Lost,
    /// One end closed the link.
    Closed,
    /// No link was tried: this endpoint has no identity, or the sender of the request to call back
    /// has no link. The table of links does not give this reason.
    NotSecure,
    /// The peer has stopped the request, or given up its response, and the link goes on.
    Dropped,
    /// The session that the method needs has ended, and its stream with it. The link goes on.
    SessionEnded,
    /// The peer takes no request of this length ([`LinkOptions::max_message_len`]), and has not run
    /// it. The link goes on.
    ///
    /// [`LinkOptions::max_message_len`]: crate::LinkOptions::max_message_len
    RequestTooLarge {
        /// The length of the longest frame that the peer takes, in bytes.
        limit: u32,
    },
    /// This end takes no response of this length ([`LinkOptions::max_message_len`]). The link goes
    /// on.
    ///
    /// [`LinkOptions::max_message_len`]: crate::LinkOptions::max_message_len
    ResponseTooLarge {
        /// The length of the response's frame, in bytes.
        size: u32,
        /// The length of the longest frame that this end takes.
        limit: u32,
    },
}

impl fmt::Display for LinkEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("the peer did not respond to the handshake"),
            Self::Refused => f.write_str("the peer refused the link"),
            Self::WrongPeer { expected, found } => {
                write!(f, "the peer is {found}, and {expected} was expected")
            }
            Self::Incompatible => f.write_str("the peer speaks another protocol over QUIC"),
            Self::Lost => f.write_str("the link was lost"),
            Self::Closed => f.write_str("the link was closed"),
            Self::NotSecure => f.write_str("there is no link: one end has no identity"),
            Self::Dropped => f.write_str("the peer dropped the request or its response"),
            Self::SessionEnded => f.write_str("the caller's session ended"),
            Self::RequestTooLarge { limit } => {
                write!(f, "the request is too large: the peer's `LinkOptions::max_message_len` allows {limit} bytes")
            }
            Self::ResponseTooLarge { size, limit } => {
                write!(f, "the response has {size} bytes, and the own `LinkOptions::max_message_len` allows {limit}")
            }
        }
    }
}

impl Error for LinkEnd {}

/// The reason why a frame cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The frame is longer than the limit, in bytes.
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// As many frames wait as may. The frame counts as lost.
    Full,
    /// The link has ended.
    Ended,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => write!(f, "the frame is longer than {limit} bytes"),
            Self::Full => f.write_str("too many frames wait for the link"),
            Self::Ended => f.write_str("the link has ended"),
        }
    }
}

impl Error for SendError {}

/// A datagram to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The address to send it to.
    pub destination: SocketAddr,
    /// The local address to send it from, if the peer sent to one.
    pub source: Option<IpAddr>,
    /// The contents. Their first byte has [`QUIC_BIT`](crate::QUIC_BIT).
    pub contents: &'a [u8],
}
