use std::time::Duration;

use rmp::decode::{read_array_len, read_str_from_slice};

use super::dialect::Dialect;
use super::message_id::MessageId;
use super::trailer::Trailer;
use crate::limits::{HEADER_LEN, MAX_DATAGRAM_LEN};
use crate::msgpack::infallible;

/// A request to run a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The message id, which the response must echo.
    pub id: MessageId,
    /// The wire name of the method.
    pub method: &'a str,
    /// The undecoded arguments.
    pub arguments: RawArguments<'a>,
    /// The time that the caller waits, counted from its first transmission. `None` if the request
    /// does not contain it.
    pub remaining: Option<Duration>,
}

/// The undecoded arguments of a request: consecutive msgpack values.
///
/// [`codec::Arguments`](crate::codec::Arguments) decodes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawArguments<'a> {
    count: u32,
    bytes: &'a [u8],
}

impl<'a> RawArguments<'a> {
    /// Creates arguments from their [`count`](Self::count) and [`bytes`](Self::bytes), for example
    /// after the bytes were copied out of a datagram.
    #[must_use]
    pub const fn new(count: u32, bytes: &'a [u8]) -> Self {
        Self { count, bytes }
    }

    /// Returns the number of arguments.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Returns the encoded arguments.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a> Request<'a> {
    /// Appends the header and the start of the body. Append each argument with
    /// [`codec::encode`](crate::codec::encode) next.
    ///
    /// Leaves the message id zero until [`set_id`](Self::set_id) sets it.
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

    /// Sets the message id of a datagram that [`begin`](Self::begin) started.
    ///
    /// # Panics
    ///
    /// Panics if the datagram is shorter than a header.
    pub fn set_id(datagram: &mut [u8], id: MessageId) {
        datagram[1..HEADER_LEN].copy_from_slice(id.as_bytes());
    }

    /// Appends the time that the caller waits, after all arguments. Python peers ignore it. Peers
    /// of this crate drop a request after its deadline. Appends nothing if the datagram has no
    /// room.
    pub fn end(out: &mut Vec<u8>, remaining: Duration) {
        if out.len() + Trailer::REMAINING_LEN <= MAX_DATAGRAM_LEN {
            Trailer::end_request(out, remaining);
        }
    }

    /// Returns the message id of a request that may be truncated after the header, as in the
    /// quotation of an ICMP message.
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
