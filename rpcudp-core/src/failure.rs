use std::fmt;

use rmp::decode::{read_array_len, read_int, read_str_from_slice};

use crate::MessageId;
use crate::wire::{FAILURE_BYTE, write};

/// A peer says why a call has no value: body `[code, message]` or `[code, message, detail]`.
///
/// This frame is this crate's addition to the protocol. Python peers ignore it and wait for their timeout, as they do
/// where a Python peer refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure<'a> {
    /// The id of the call that failed.
    pub id: MessageId,
    /// What kind of failure it is.
    pub code: FailureCode,
    /// For people to read; may be empty or cut short, and comes from the peer.
    pub message: &'a str,
    /// One msgpack value, not decoded yet: the application's own error, or the numbers behind a refusal.
    pub detail: Option<&'a [u8]>,
}

/// What kind of failure a failure frame reports.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FailureCode(u8);

impl FailureCode {
    /// The method ran and returned `Err`: the detail is the application's error.
    pub const APPLICATION: Self = Self(0);
    /// No service of the peer has a method of that name.
    pub const UNKNOWN_METHOD: Self = Self(1);
    /// An argument is missing or does not decode as the declared type.
    pub const MALFORMED_ARGUMENTS: Self = Self(2);
    /// The peer runs as many handlers as it allows.
    pub const BUSY: Self = Self(3);
    /// The handler panicked, or its answer could not be encoded.
    pub const PANICKED: Self = Self(4);
    /// The answer is larger than the peer may send: the detail is `[size, limit]` in bytes.
    pub const RESPONSE_TOO_LARGE: Self = Self(5);

    /// The code with this number.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// The number that travels.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Debug for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::APPLICATION => "APPLICATION",
            Self::UNKNOWN_METHOD => "UNKNOWN_METHOD",
            Self::MALFORMED_ARGUMENTS => "MALFORMED_ARGUMENTS",
            Self::BUSY => "BUSY",
            Self::PANICKED => "PANICKED",
            Self::RESPONSE_TOO_LARGE => "RESPONSE_TOO_LARGE",
            Self(number) => return write!(f, "FailureCode({number})"),
        };
        f.write_str(name)
    }
}

impl Failure<'_> {
    /// Appends the datagram, cut to `max_len` bytes: the message is shortened, then the detail left out.
    ///
    /// An answer to a stranger must not be longer than what the stranger sent, or it could be used to flood a third
    /// party: `max_len` is the length of the request. The shortest failure, 24 bytes, is no longer than the shortest
    /// request.
    ///
    /// ```
    /// use rpcudp_core::{Failure, FailureCode, MessageId};
    ///
    /// let failure = Failure {
    ///     id: MessageId::from_bytes([0; 20]),
    ///     code: FailureCode::UNKNOWN_METHOD,
    ///     message: "no method `frobnicate`",
    ///     detail: None,
    /// };
    /// let mut datagram = Vec::new();
    /// failure.encode(&mut datagram, 32);
    /// assert_eq!(datagram.len(), 32);
    /// assert!(datagram.ends_with(b"no metho"));
    /// ```
    pub fn encode(&self, out: &mut Vec<u8>, max_len: usize) {
        let fixed_len = 1 + MessageId::LEN + 1 + int_len(self.code.0);
        let room = max_len.saturating_sub(fixed_len);
        // The shortest message takes a byte.
        let detail = self.detail.filter(|detail| detail.len() < room);
        let message = cut(self.message, room - detail.map_or(0, <[u8]>::len).min(room));
        out.push(FAILURE_BYTE);
        out.extend_from_slice(self.id.as_bytes());
        write(rmp::encode::write_array_len(out, if detail.is_some() { 3 } else { 2 }));
        write(rmp::encode::write_uint(out, u64::from(self.code.0)));
        write(rmp::encode::write_str(out, message));
        out.extend_from_slice(detail.unwrap_or_default());
    }
}

impl<'a> Failure<'a> {
    pub(crate) fn decode(id: MessageId, mut body: &'a [u8]) -> Option<Self> {
        let field_count = read_array_len(&mut body).ok()?;
        if field_count < 2 {
            return None;
        }
        let code = FailureCode(read_int(&mut body).ok()?);
        let (message, rest) = read_str_from_slice(body).ok()?;
        let detail = if field_count > 2 { Some(rest) } else { None };
        Some(Self { id, code, message, detail })
    }
}

/// As much of `message` as fits into `room` bytes together with its msgpack head.
fn cut(message: &str, room: usize) -> &str {
    let mut len = message.len().min(room.saturating_sub(1));
    while len > 0 && (!message.is_char_boundary(len) || str_head_len(len) + len > room) {
        len -= 1;
    }
    &message[..len]
}

const fn str_head_len(len: usize) -> usize {
    match len {
        0..=31 => 1,
        32..=0xff => 2,
        0x100..=0xffff => 3,
        _ => 5,
    }
}

const fn int_len(number: u8) -> usize {
    if number < 128 { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Dialect, Frame};

    const ID: MessageId = MessageId::from_bytes([9; 20]);

    fn encoded(failure: &Failure<'_>, max_len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        failure.encode(&mut bytes, max_len);
        bytes
    }

    #[test]
    fn the_shortest_failure_is_as_long_as_the_shortest_request() {
        let failure = Failure { id: ID, code: FailureCode::BUSY, message: "busy", detail: None };
        assert_eq!(encoded(&failure, 0).len(), 24);
    }

    #[test]
    fn a_detail_goes_before_a_message_and_is_never_cut() {
        let failure = Failure { id: ID, code: FailureCode::BUSY, message: "busy", detail: Some(b"\x92\x01\x02") };
        assert!(encoded(&failure, 100).ends_with(b"\xa4busy\x92\x01\x02"));
        assert!(encoded(&failure, 29).ends_with(b"\xa2bu\x92\x01\x02"));
        assert!(encoded(&failure, 27).ends_with(b"\x93\x03\xa0\x92\x01\x02"));
        assert!(encoded(&failure, 26).ends_with(b"\x92\x03\xa2bu"));
    }

    proptest! {
        #[test]
        fn a_failure_fits_and_is_read_as_it_was_written(
            code: u8, message in ".{0,80}", with_detail: bool, max_len in 25_usize..200,
        ) {
            let detail = with_detail.then_some(&b"\xa4info"[..]);
            let failure = Failure { id: ID, code: FailureCode(code), message: &message, detail };
            let bytes = encoded(&failure, max_len);
            prop_assert!(bytes.len() <= max_len);
            let Ok(Frame::Failure(read)) = Frame::decode(&bytes, Dialect::Rpcudp) else { panic!("no failure") };
            prop_assert_eq!(read.code, failure.code);
            prop_assert!(message.starts_with(read.message));
            prop_assert!(read.detail.is_none() || read.detail == detail);
        }
    }
}
