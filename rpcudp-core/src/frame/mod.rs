//! The frames that peers exchange. A datagram is one frame: a kind byte, a message id of 20 bytes,
//! and a msgpack value, the body. `docs/wire.md` in the repository specifies them.

pub(crate) mod checksum;
mod dialect;
mod failure;
mod failure_code;
mod header;
mod message_id;
mod metadata;
mod refusal_kind;
mod request;
mod response;
mod trailer;

pub use self::dialect::Dialect;
use self::dialect::{CANCEL_BYTE, Kind, RUNNING_BYTE};
pub use self::failure::Failure;
pub use self::failure_code::FailureCode;
use self::header::Header;
pub use self::message_id::MessageId;
pub use self::metadata::{Metadata, MetadataError, RawMetadata};
pub use self::refusal_kind::RefusalKind;
pub use self::request::{RawArguments, Request};
pub use self::response::Response;
use self::trailer::CHECKED_BIT;
pub use self::trailer::Trailer;
use crate::DropReason;
use crate::limits::{HEADER_LEN, MIN_REQUEST_LEN};

/// msgpack's nil.
const NIL: u8 = 0xc0;

/// A decoded datagram. It borrows from the datagram, and its body has the shape that its kind
/// requires.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Frame<'a> {
    /// A request to run a method.
    Request(Request<'a>),
    /// A response with a value.
    Response(Response<'a>),
    /// A failure: an error of the application, or a refusal.
    Failure(Failure<'a>),
    /// A notice that the caller of a request has dropped its call. The server may drop the handler.
    /// Its body is nil, so it has 22 bytes.
    ///
    /// This frame is an addition of this crate to the protocol. Python peers ignore it.
    Cancel {
        /// The message id of the call.
        id: MessageId,
    },
    /// A notice that the handler of a request is still running. A server sends it in place of a
    /// response when it drops a duplicate of that request. Its body is nil, so it has 22 bytes.
    ///
    /// This frame is an addition of this crate to the protocol. Python peers ignore it.
    Running {
        /// The message id of the call.
        id: MessageId,
    },
}

impl<'a> Frame<'a> {
    /// Whether a datagram claims to be a request. Checks nothing but the kind and the length.
    #[must_use]
    pub fn is_request(datagram: &[u8], dialect: Dialect) -> bool {
        datagram.len() >= MIN_REQUEST_LEN && datagram[0] == dialect.request_byte()
    }

    /// Whether a datagram claims to be a cancel frame. Checks nothing but the kind.
    #[must_use]
    pub fn is_cancel(datagram: &[u8], dialect: Dialect) -> bool {
        datagram.first() == Some(&CANCEL_BYTE) && dialect.has_cancel_frames()
    }

    /// Returns the message id of a datagram that claims to be a response, a failure or a running
    /// frame. Checks nothing but the header.
    #[must_use]
    pub fn response_id(datagram: &[u8], dialect: Dialect) -> Option<MessageId> {
        let [kind, id @ ..] = datagram.first_chunk::<HEADER_LEN>()?;
        let is_response = matches!(dialect.kind(*kind), Ok(Kind::Response | Kind::Failure | Kind::Running));
        is_response.then(|| MessageId::from_bytes(*id))
    }

    /// Whether a datagram claims to be a response or failure without a checksum. Checks nothing but
    /// the kind.
    #[must_use]
    pub fn is_unchecked_response(datagram: &[u8], dialect: Dialect) -> bool {
        datagram.first().is_some_and(|kind| {
            kind & CHECKED_BIT == 0 && matches!(dialect.kind(*kind), Ok(Kind::Response | Kind::Failure))
        })
    }

    /// Appends a running frame for the request with this message id.
    ///
    /// Send it in [`Dialect::Rpcudp`] only. It is shorter than every request.
    ///
    /// ```
    /// use rpcudp_core::{Dialect, Frame, MessageId};
    ///
    /// let id = MessageId::from_bytes([7; 20]);
    /// let mut datagram = Vec::new();
    /// Frame::encode_running(&mut datagram, id);
    /// assert_eq!(datagram.len(), 22);
    /// assert_eq!(Frame::decode(&datagram, Dialect::Rpcudp), Ok(Frame::Running { id }));
    /// ```
    pub fn encode_running(out: &mut Vec<u8>, id: MessageId) {
        encode_notice(out, RUNNING_BYTE, id);
    }

    /// Appends a cancel frame for the request with this message id.
    ///
    /// Send it in [`Dialect::Rpcudp`] only, from the address that the request was sent from.
    ///
    /// ```
    /// use rpcudp_core::{Dialect, Frame, MessageId};
    ///
    /// let id = MessageId::from_bytes([7; 20]);
    /// let mut datagram = Vec::new();
    /// Frame::encode_cancel(&mut datagram, id);
    /// assert_eq!(datagram.len(), 22);
    /// assert_eq!(Frame::decode(&datagram, Dialect::Rpcudp), Ok(Frame::Cancel { id }));
    /// ```
    pub fn encode_cancel(out: &mut Vec<u8>, id: MessageId) {
        encode_notice(out, CANCEL_BYTE, id);
    }

    /// Decodes a datagram.
    ///
    /// Ignores bytes after the body, as Python does, except the time that a request's caller waits,
    /// and the checksum of a checked response.
    ///
    /// # Errors
    ///
    /// Returns the reason to drop the datagram. No datagram makes this function panic, recurse,
    /// allocate or take more than linear time.
    pub fn decode(datagram: &'a [u8], dialect: Dialect) -> Result<Self, DropReason> {
        Self::decode_with_trailer(datagram, dialect).map(|(frame, _)| frame)
    }

    /// Decodes a datagram and its trailer.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`decode`](Self::decode).
    pub fn decode_with_trailer(datagram: &'a [u8], dialect: Dialect) -> Result<(Self, Trailer), DropReason> {
        let header = Header::read(datagram, dialect)?;
        if let Kind::Request = header.kind {
            return Request::decode_body(&header).map(|(request, trailer)| (Self::Request(request), trailer));
        }
        let id = header.id;
        let (body, trailer) = header.split_response()?;
        let is_nil = body == [NIL];
        let frame = match header.kind {
            Kind::Response => Some(Self::Response(Response { id, body })),
            Kind::Failure => Failure::decode(id, body).map(Self::Failure),
            Kind::Cancel => is_nil.then_some(Self::Cancel { id }),
            Kind::Running => is_nil.then_some(Self::Running { id }),
            Kind::Request => unreachable!("a request is decoded above"),
        };
        Ok((frame.ok_or(DropReason::WrongShape)?, trailer))
    }
}

/// Appends a frame without content.
fn encode_notice(out: &mut Vec<u8>, kind: u8, id: MessageId) {
    out.push(kind);
    out.extend_from_slice(id.as_bytes());
    out.push(NIL);
}

#[cfg(test)]
mod tests;
