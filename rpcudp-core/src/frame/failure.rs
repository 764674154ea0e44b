use rmp::decode::{read_array_len, read_int, read_str_from_slice};

use super::dialect::FAILURE_BYTE;
use super::failure_code::FailureCode;
use super::message_id::MessageId;
use crate::msgpack::{self, infallible};

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

impl Failure<'_> {
    /// How long a message may be, in bytes: a sentence or two. What is longer comes from a type's own words, which may
    /// quote all of what a stranger sent.
    pub const MAX_MESSAGE_LEN: usize = 200;

    /// Appends the datagram, cut to `max_len` bytes: the message is shortened, then the detail left out. The message is
    /// shortened to [`MAX_MESSAGE_LEN`](Self::MAX_MESSAGE_LEN) in any case, after a whole word and with "…" at its end.
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
    /// failure.encode(&mut datagram, 40);
    /// assert!(datagram.len() <= 40);
    /// assert!(datagram.ends_with("no method…".as_bytes()));
    /// ```
    pub fn encode(&self, out: &mut Vec<u8>, max_len: usize) {
        let fixed_len = 1 + MessageId::LEN + 1 + int_len(self.code.number());
        let room = max_len.saturating_sub(fixed_len);
        // The shortest message takes a byte.
        let detail = self.detail.filter(|detail| detail.len() < room);
        let (message, mark) = cut(self.message, room - detail.map_or(0, <[u8]>::len).min(room));
        out.push(FAILURE_BYTE);
        out.extend_from_slice(self.id.as_bytes());
        infallible(rmp::encode::write_array_len(out, if detail.is_some() { 3 } else { 2 }));
        infallible(rmp::encode::write_uint(out, u64::from(self.code.number())));
        // The two have at most `MAX_MESSAGE_LEN` bytes.
        infallible(rmp::encode::write_str_len(out, (message.len() + mark.len()) as u32));
        out.extend_from_slice(message.as_bytes());
        out.extend_from_slice(mark.as_bytes());
        out.extend_from_slice(detail.unwrap_or_default());
    }
}

impl<'a> Failure<'a> {
    pub(crate) fn decode(id: MessageId, mut body: &'a [u8]) -> Option<Self> {
        let field_count = read_array_len(&mut body).ok()?;
        if field_count < 2 {
            return None;
        }
        let code = FailureCode::new(read_int(&mut body).ok()?);
        let (message, rest) = read_str_from_slice(body).ok()?;
        let detail = match field_count {
            2 => None,
            3 => Some(rest),
            // What a later version adds is no part of it.
            _ => Some(&rest[..msgpack::value_len(rest)?]),
        };
        Some(Self { id, code, message, detail })
    }
}

/// As much of `message` as fits into `room` bytes together with its msgpack head, and the mark that it was cut.
///
/// It is cut after a word if it can be, and within one if not; where there is room for the mark alone, it is empty.
fn cut(message: &str, room: usize) -> (&str, &'static str) {
    let len = str_len(room).min(Failure::MAX_MESSAGE_LEN);
    if message.len() <= len {
        return (message, "");
    }
    let mut len = len.saturating_sub(CUT_MARK.len());
    while !message.is_char_boundary(len) {
        len -= 1;
    }
    let kept = &message[..len];
    // A word is whole if what follows it is no part of it.
    let is_whole = message[kept.len()..].starts_with(char::is_whitespace);
    let kept = if is_whole { kept } else { kept.rsplit_once(char::is_whitespace).map_or(kept, |(words, _)| words) };
    let kept = kept.trim_end();
    if kept.is_empty() { ("", "") } else { (kept, CUT_MARK) }
}

/// What a message ends with that was cut.
const CUT_MARK: &str = "…";

/// How long a str can be that has `room` bytes together with its msgpack head, as long as that is less than 258.
const fn str_len(room: usize) -> usize {
    match room {
        0..=32 => room.saturating_sub(1),
        _ => room - 2,
    }
}

const fn int_len(number: u8) -> usize {
    if number < 128 { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(encoded(&failure, 29).ends_with(b"\x93\x03\xa0\x92\x01\x02"));
        assert!(encoded(&failure, 27).ends_with(b"\x93\x03\xa0\x92\x01\x02"));
        assert!(encoded(&failure, 26).ends_with(b"\x92\x03\xa0"));
    }

    #[test]
    fn a_message_is_cut_after_a_word() {
        let message = "`key` is missing (argument 2; 1 came)";
        for (len, kept) in [
            (37, message),
            (36, "`key` is missing (argument 2; 1…"),
            (33, "`key` is missing (argument 2;…"),
            (19, "`key` is missing…"),
            (18, "`key` is…"),
            (8, "`key`…"),
            // Within one only where there is no other way.
            (7, "`key…"),
            (4, "`…"),
            (3, ""),
            (0, ""),
        ] {
            let room = len + if len < 32 { 1 } else { 2 };
            let (kept_part, mark) = cut(message, room);
            assert_eq!(format!("{kept_part}{mark}"), kept, "{len}");
        }
        let words = "word ".repeat(100);
        let (kept, mark) = cut(&words, usize::MAX);
        assert_eq!((kept.len(), mark), (194, CUT_MARK));
        // Neither through a character nor beyond the end of one.
        assert_eq!(cut(&"ä".repeat(200), usize::MAX).0.len(), 196);
    }
}
