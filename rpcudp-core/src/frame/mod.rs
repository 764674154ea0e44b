//! What travels between two peers: a byte of kind, 20 bytes of message id, and a msgpack value.

mod failure;
mod message_id;
mod refusal_kind;
mod remaining;

use std::time::Duration;

use rmp::decode::{read_array_len, read_str_from_slice};

pub use self::failure::{Failure, FailureCode};
pub use self::message_id::MessageId;
pub use self::refusal_kind::RefusalKind;
use crate::limits::{HEADER_LEN, MAX_DATAGRAM_LEN, MIN_DATAGRAM_LEN};
use crate::{DropReason, msgpack};

/// Which of the two networks an endpoint belongs to: they differ in the byte that says what a datagram is.
///
/// ```
/// use rpcudp::{Dialect, Endpoint};
///
/// assert_eq!(Dialect::default(), Dialect::Rpcudp);
/// let storj = Endpoint::builder().dialect(Dialect::Storj);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Python's `rpcudp`: request `0x00`, response `0x01`, and this crate's failure frame `0x04`.
    #[default]
    Rpcudp,
    /// Python's `storjrpcudp`: request `0x02`, response `0x03`. It has no failure frame: its peers say nothing where
    /// they refuse.
    Storj,
}

impl Dialect {
    /// Whether a peer of this dialect is told that its request failed.
    #[must_use]
    pub const fn has_failures(self) -> bool {
        matches!(self, Self::Rpcudp)
    }

    /// What the first byte of a datagram says in this dialect.
    fn kind(self, byte: u8) -> Result<Kind, DropReason> {
        match (self, byte) {
            (Self::Rpcudp, 0) | (Self::Storj, 2) => Ok(Kind::Request),
            (Self::Rpcudp, 1) | (Self::Storj, 3) => Ok(Kind::Response),
            (Self::Rpcudp, 4) => Ok(Kind::Failure),
            (_, 0..=4) => Err(DropReason::OtherDialect),
            _ => Err(DropReason::UnknownKind),
        }
    }

    const fn request_byte(self) -> u8 {
        match self {
            Self::Rpcudp => 0,
            Self::Storj => 2,
        }
    }

    const fn response_byte(self) -> u8 {
        match self {
            Self::Rpcudp => 1,
            Self::Storj => 3,
        }
    }
}

/// The kind byte of the failure frame, which only [`Dialect::Rpcudp`] has.
pub(crate) const FAILURE_BYTE: u8 = 4;

enum Kind {
    Request,
    Response,
    Failure,
}

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

/// A peer wants a method run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// To be echoed in the answer.
    pub id: MessageId,
    /// The name by which the method is found.
    pub method: &'a str,
    /// The arguments, not decoded yet.
    pub arguments: RawArguments<'a>,
    /// How long its caller waits, from when it first sent this, if the caller says.
    pub remaining: Option<Duration>,
}

/// A peer answers a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The id of the call that this answers.
    pub id: MessageId,
    /// One msgpack value, not decoded yet.
    pub body: &'a [u8],
}

/// The arguments of a request: a number of msgpack values, one after the other.
///
/// [`codec::Arguments`](crate::codec::Arguments) decodes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawArguments<'a> {
    count: u32,
    bytes: &'a [u8],
}

impl<'a> RawArguments<'a> {
    /// The arguments that [`count`](Self::count) and [`bytes`](Self::bytes) were taken from, for example before the
    /// bytes were copied out of a datagram.
    #[must_use]
    pub const fn new(count: u32, bytes: &'a [u8]) -> Self {
        Self { count, bytes }
    }

    /// How many arguments there are.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The values as they travelled.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
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

impl<'a> Request<'a> {
    /// Appends what comes before the arguments. They follow one by one through [`codec::encode`](crate::codec::encode).
    ///
    /// The message id is left open: [`set_id`](Self::set_id) fills it in when the call is sent.
    ///
    /// ```
    /// use rpcudp_core::{Dialect, Frame, MessageId, Request, codec};
    ///
    /// let mut datagram = Vec::new();
    /// Request::begin(&mut datagram, Dialect::Rpcudp, "sayhi", 1);
    /// codec::encode(&mut datagram, "Snake Plissken")?;
    /// let id = MessageId::without_slot([7; 16]);
    /// Request::set_id(&mut datagram, id);
    ///
    /// let Ok(Frame::Request(request)) = Frame::decode(&datagram, Dialect::Rpcudp) else { panic!("no request") };
    /// assert_eq!((request.id, request.method), (id, "sayhi"));
    /// # Ok::<(), codec::EncodeError>(())
    /// ```
    pub fn begin(out: &mut Vec<u8>, dialect: Dialect, method: &str, argument_count: u32) {
        out.push(dialect.request_byte());
        out.extend_from_slice(&[0; MessageId::LEN]);
        write(rmp::encode::write_array_len(out, 2));
        write(rmp::encode::write_str(out, method));
        write(rmp::encode::write_array_len(out, argument_count));
    }

    /// Writes the message id into a datagram that [`begin`](Self::begin) began.
    ///
    /// # Panics
    ///
    /// If the datagram is shorter than a header.
    pub fn set_id(datagram: &mut [u8], id: MessageId) {
        datagram[1..HEADER_LEN].copy_from_slice(id.as_bytes());
    }

    /// Appends how long the caller waits, behind all arguments. Python's peers do not look there; this crate's do not
    /// begin what nobody waits for any more. Left out where a datagram has no room for it.
    pub fn end(out: &mut Vec<u8>, remaining: Duration) {
        if out.len() + remaining::LEN <= MAX_DATAGRAM_LEN {
            remaining::append(out, remaining);
        }
    }

    /// The id of a request of which at least the header is there: what an ICMP message quotes.
    #[must_use]
    pub fn quoted_id(quoted: &[u8], dialect: Dialect) -> Option<MessageId> {
        let [kind, id @ ..] = quoted.first_chunk::<HEADER_LEN>()?;
        (*kind == dialect.request_byte()).then(|| MessageId::from_bytes(*id))
    }

    fn decode(id: MessageId, mut body: &'a [u8], remaining: Option<Duration>) -> Option<Self> {
        if read_array_len(&mut body).ok()? != 2 {
            return None;
        }
        let (method, mut arguments) = read_str_from_slice(body).ok()?;
        let count = read_array_len(&mut arguments).ok()?;
        Some(Self { id, method, arguments: RawArguments { count, bytes: arguments }, remaining })
    }
}

impl Response<'_> {
    /// Appends what comes before the value, which follows through [`codec::encode`](crate::codec::encode).
    pub fn begin(out: &mut Vec<u8>, dialect: Dialect, id: MessageId) {
        out.push(dialect.response_byte());
        out.extend_from_slice(id.as_bytes());
    }
}

/// Unwraps what writing into a `Vec` gave.
pub(crate) fn write<T, E: std::fmt::Debug>(written: Result<T, E>) -> T {
    written.expect("a Vec takes whatever is written")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::FailureCode;

    const ID: MessageId = MessageId::from_bytes(*b"twenty bytes of id..");

    fn datagram(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind][..], ID.as_bytes(), body].concat()
    }

    #[test]
    fn a_datagram_without_a_body_is_too_short() {
        for len in 0..22 {
            assert_eq!(Frame::decode(&vec![0; len], Dialect::Rpcudp), Err(DropReason::TooShort));
        }
    }

    #[test]
    fn each_dialect_has_its_own_bytes_and_knows_the_others() {
        for kind in 0..=255 {
            let bytes = datagram(kind, b"\x92\xa1m\x90");
            let rpcudp = Frame::decode(&bytes, Dialect::Rpcudp);
            let storj = Frame::decode(&bytes, Dialect::Storj);
            match kind {
                0 => assert!(matches!((rpcudp, storj), (Ok(Frame::Request(_)), Err(DropReason::OtherDialect)))),
                1 => assert!(matches!((rpcudp, storj), (Ok(Frame::Response(_)), Err(DropReason::OtherDialect)))),
                2 => assert!(matches!((rpcudp, storj), (Err(DropReason::OtherDialect), Ok(Frame::Request(_))))),
                3 => assert!(matches!((rpcudp, storj), (Err(DropReason::OtherDialect), Ok(Frame::Response(_))))),
                4 => assert_eq!((rpcudp, storj), (Err(DropReason::WrongShape), Err(DropReason::OtherDialect))),
                _ => assert_eq!((rpcudp, storj), (Err(DropReason::UnknownKind), Err(DropReason::UnknownKind))),
            }
        }
    }

    #[test]
    fn a_request_is_a_name_and_an_array() {
        let shapes: [(&[u8], bool); 9] = [
            (b"\x92\xa1m\x90", true),
            (b"\x92\xa0\x91\xc0", true),
            (b"\x91\xa1m", false),
            (b"\x93\xa1m\x90\xc0", false),
            (b"\x92\xc4\x01m\x90", false),
            (b"\x92\xa1m\x80", false),
            (b"\x92\x01\x90", false),
            (b"\xc0", false),
            (b"\x92\xa1\xff\x90", false),
        ];
        for (body, legal) in shapes {
            match Frame::decode(&datagram(0, body), Dialect::Rpcudp) {
                Ok(Frame::Request(request)) if legal => assert_eq!(request.id, ID),
                Err(DropReason::WrongShape) if !legal => {}
                other => panic!("{body:x?}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_id_of_a_quoted_request_is_found_where_there_is_enough_of_it() {
        let request = datagram(0, b"\x92\xa1m\x90");
        for len in 0..request.len() {
            let expected = (len >= 21).then_some(ID);
            assert_eq!(Request::quoted_id(&request[..len], Dialect::Rpcudp), expected, "{len}");
            assert_eq!(Request::quoted_id(&request[..len], Dialect::Storj), None, "{len}");
        }
    }

    #[test]
    fn bytes_after_the_body_are_skipped() {
        let bytes = datagram(1, b"\x2aand more");
        assert_eq!(Frame::decode(&bytes, Dialect::Rpcudp), Ok(Frame::Response(Response { id: ID, body: b"\x2a" })));
    }

    #[test]
    fn a_failure_says_its_code_and_message() {
        let bytes = datagram(4, b"\x92\x01\xa4oops");
        let Ok(Frame::Failure(failure)) = Frame::decode(&bytes, Dialect::Rpcudp) else { panic!("no failure") };
        assert_eq!((failure.code, failure.message), (FailureCode::UNKNOWN_METHOD, "oops"));
    }

    proptest! {
        #[test]
        fn a_request_is_read_as_it_was_written(method in ".{0,300}", count in 0_u32..70_000, random: [u8; 16]) {
            let mut bytes = Vec::new();
            Request::begin(&mut bytes, Dialect::Storj, &method, count);
            let id = MessageId::without_slot(random);
            Request::set_id(&mut bytes, id);
            bytes.resize(bytes.len() + count as usize, 0xc0);
            let Ok(Frame::Request(request)) = Frame::decode(&bytes, Dialect::Storj) else { panic!("no request") };
            prop_assert_eq!((request.id, request.method, request.arguments.count()), (id, &*method, count));
            prop_assert_eq!(request.arguments.bytes().len(), count as usize);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = Frame::decode(&bytes, Dialect::Rpcudp);
            let _ = Frame::decode(&bytes, Dialect::Storj);
        }
    }
}
