use std::time::Duration;

use rmp::decode::{read_array_len, read_str_from_slice};

use super::dialect::Dialect;
use super::message_id::MessageId;
use super::remaining;
use crate::limits::{HEADER_LEN, MAX_DATAGRAM_LEN};
use crate::msgpack::infallible;

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
        infallible(rmp::encode::write_array_len(out, 2));
        infallible(rmp::encode::write_str(out, method));
        infallible(rmp::encode::write_array_len(out, argument_count));
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

    pub(super) fn decode(id: MessageId, mut body: &'a [u8], remaining: Option<Duration>) -> Option<Self> {
        if read_array_len(&mut body).ok()? != 2 {
            return None;
        }
        let (method, mut arguments) = read_str_from_slice(body).ok()?;
        let count = read_array_len(&mut arguments).ok()?;
        Some(Self { id, method, arguments: RawArguments { count, bytes: arguments }, remaining })
    }
}
