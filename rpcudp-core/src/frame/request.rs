use std::time::Duration;

use super::dialect::{Dialect, Kind};
use super::header::Header;
use super::message_id::MessageId;
use super::metadata::{Metadata, MetadataError, RawMetadata};
use super::trailer::Trailer;
use crate::DropReason;
use crate::limits::{HEADER_LEN, MAX_DEPTH};
use crate::msgpack::{append_array_head, append_str_head, nested_len, split_array_head, split_str};

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
    /// The undecoded metadata.
    pub metadata: RawMetadata<'a>,
    /// The time over which the receivers of a request to a multicast or broadcast address spread
    /// their responses. `None` for other requests.
    pub response_window: Option<Duration>,
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

    /// Returns whether the bytes are as many values as [`count`](Self::count) says, none of which
    /// nests deeper than peers accept. The arguments of a decoded request always are.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let mut rest = self.bytes;
        // In a request, arguments are inside two arrays.
        let mut skip = || nested_len(rest, MAX_DEPTH - 2).map(|len| rest = &rest[len..]);
        (0..self.count).all(|_| skip().is_ok()) && rest.is_empty()
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
        append_array_head(out, 2);
        append_str_head(out, u32::try_from(method.len()).expect("a method's name is short"));
        out.extend_from_slice(method.as_bytes());
        append_array_head(out, argument_count);
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
    /// room. A request that is longer than a datagram is for a link, and has room.
    pub fn end(out: &mut Vec<u8>, remaining: Duration) {
        if Trailer::REMAINING_LEN <= Trailer::room_after(out.len()) {
            Trailer::end_request(out, remaining);
        }
    }

    /// Appends metadata, after all arguments, and the time that the caller waits, if it is given,
    /// as [`end`](Self::end) does. Python peers ignore both.
    ///
    /// # Errors
    ///
    /// Fails, and appends nothing, if the datagram has no room.
    pub fn end_with_metadata(
        out: &mut Vec<u8>,
        remaining: Option<Duration>,
        metadata: &Metadata,
    ) -> Result<(), MetadataError> {
        Trailer::end_request_with(out, remaining, metadata)
    }

    /// Adds the time over which the receivers of a request to a multicast or broadcast address
    /// spread their responses, to a datagram that [`end`](Self::end) or
    /// [`end_with_metadata`](Self::end_with_metadata) ended after `body_len` bytes of body. No
    /// effect if the datagram has no such end, or no room.
    ///
    /// ```
    /// use rpcudp_core::limits::HEADER_LEN;
    /// use rpcudp_core::{Dialect, Request};
    /// use std::time::Duration;
    ///
    /// let (remaining, window) = (Duration::from_secs(1), Duration::from_millis(500));
    /// let mut datagram = Vec::new();
    /// Request::begin(&mut datagram, Dialect::Rpcudp, "name", 0);
    /// let body_len = datagram.len() - HEADER_LEN;
    /// Request::end(&mut datagram, remaining);
    /// Request::add_response_window(&mut datagram, body_len, window);
    ///
    /// let request = Request::decode(&datagram, Dialect::Rpcudp)?;
    /// assert_eq!((request.remaining, request.response_window), (Some(remaining), Some(window)));
    /// # Ok::<(), rpcudp_core::DropReason>(())
    /// ```
    pub fn add_response_window(out: &mut Vec<u8>, body_len: usize, response_window: Duration) {
        if out.len() > HEADER_LEN + body_len {
            Trailer::add_response_window(out, response_window);
        }
    }

    /// Replaces the time in a datagram that [`end`](Self::end) or
    /// [`end_with_metadata`](Self::end_with_metadata) ended after `body_len` bytes of body, because
    /// the request is sent again as another call. No effect if the datagram has no such time.
    pub fn set_remaining(datagram: &mut [u8], body_len: usize, remaining: Duration) {
        if let Some(trailer) = datagram.get_mut(HEADER_LEN + body_len..) {
            Trailer::set_remaining(trailer, remaining);
        }
    }

    /// Returns the message id of a request that may be truncated after the header, as in the
    /// quotation of an ICMP message.
    #[must_use]
    pub fn quoted_id(quoted: &[u8], dialect: Dialect) -> Option<MessageId> {
        let [kind, id @ ..] = quoted.first_chunk::<HEADER_LEN>()?;
        (*kind == dialect.request_byte()).then(|| MessageId::from_bytes(*id))
    }

    /// Decodes a datagram that must be a request, as [`Frame::decode`](crate::Frame::decode) does.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Frame::decode`](crate::Frame::decode), and
    /// [`DropReason::WrongShape`] for another frame.
    pub fn decode(datagram: &'a [u8], dialect: Dialect) -> Result<Self, DropReason> {
        let header = Header::read(datagram, dialect)?;
        let Kind::Request = header.kind else { return Err(DropReason::WrongShape) };
        Self::decode_body(&header).map(|(request, _)| request)
    }

    /// Decodes the body after a header, and the trailer after the body.
    #[inline]
    pub(super) fn decode_body(header: &Header<'a>) -> Result<(Self, Trailer), DropReason> {
        Self::split(header).ok_or_else(|| header.fault_of_request())
    }

    #[inline]
    fn split(header: &Header<'a>) -> Option<(Self, Trailer)> {
        let (2, rest) = split_array_head(header.rest)? else { return None };
        let (method, rest) = split_str(rest)?;
        let (count, arguments) = split_array_head(rest)?;
        let mut after = arguments;
        for _ in 0..count {
            // The arguments are inside two arrays.
            let len = nested_len(after, MAX_DEPTH - 2).ok()?;
            after = &after[len..];
        }
        let trailer = Trailer::read(after);
        let metadata = trailer.metadata(after);
        let arguments = RawArguments { count, bytes: &arguments[..arguments.len() - after.len()] };
        let Trailer { remaining, response_window, .. } = trailer;
        Some((Self { id: header.id, method, arguments, remaining, response_window, metadata }, trailer))
    }
}
