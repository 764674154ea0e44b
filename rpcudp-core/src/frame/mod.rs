//! What travels between two peers: a byte of kind, 20 bytes of message id, and a msgpack value.

mod dialect;
mod failure;
mod failure_code;
mod message_id;
mod refusal_kind;
mod remaining;
mod request;
mod response;

pub use self::dialect::Dialect;
use self::dialect::Kind;
pub use self::failure::Failure;
pub use self::failure_code::FailureCode;
pub use self::message_id::MessageId;
pub use self::refusal_kind::RefusalKind;
pub use self::request::{RawArguments, Request};
pub use self::response::Response;
use crate::limits::{HEADER_LEN, MIN_DATAGRAM_LEN};
use crate::{DropReason, msgpack};

/// A datagram that says something: decoded without a copy, and legal as far as its kind goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Frame<'a> {
    /// A peer wants a method run.
    Request(Request<'a>),
    /// A peer answers.
    Response(Response<'a>),
    /// A peer says why it does not answer with a value.
    Failure(Failure<'a>),
}

impl<'a> Frame<'a> {
    /// Whether a datagram claims to be a request; the rest of it is not looked at.
    #[must_use]
    pub fn is_request(datagram: &[u8], dialect: Dialect) -> bool {
        datagram.first() == Some(&dialect.request_byte())
    }

    /// The id of the call that a datagram claims to answer, if it does; the rest of it is not looked at.
    #[must_use]
    pub fn response_id(datagram: &[u8], dialect: Dialect) -> Option<MessageId> {
        let [kind, id @ ..] = datagram.first_chunk::<HEADER_LEN>()?;
        let is_answer = matches!(dialect.kind(*kind), Ok(Kind::Response | Kind::Failure));
        is_answer.then(|| MessageId::from_bytes(*id))
    }

    /// Reads a datagram.
    ///
    /// Bytes after the body are ignored, as Python ignores them, but for how long a request's caller waits.
    ///
    /// # Errors
    ///
    /// The reason for which the datagram is to be dropped. Nothing in a datagram makes this panic, recurse, reserve
    /// memory or take more than linear time.
    pub fn decode(datagram: &'a [u8], dialect: Dialect) -> Result<Self, DropReason> {
        if datagram.len() < MIN_DATAGRAM_LEN {
            return Err(DropReason::TooShort);
        }
        let (header, rest) = datagram.split_first_chunk::<HEADER_LEN>().ok_or(DropReason::TooShort)?;
        let [kind, id @ ..] = header;
        let kind = dialect.kind(*kind)?;
        let id = MessageId::from_bytes(*id);
        let body_len = msgpack::value_len(rest).ok_or(DropReason::InvalidMsgpack)?;
        let body = &rest[..body_len];
        match kind {
            Kind::Request => {
                let remaining = remaining::read(&rest[body_len..]);
                Request::decode(id, body, remaining).map(Self::Request).ok_or(DropReason::WrongShape)
            }
            Kind::Response => Ok(Self::Response(Response { id, body })),
            Kind::Failure => Failure::decode(id, body).map(Self::Failure).ok_or(DropReason::WrongShape),
        }
    }
}

#[cfg(test)]
mod tests;
