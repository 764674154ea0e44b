use rmp::decode::{read_array_len, read_int, read_str_from_slice};

use super::dialect::FAILURE_BYTE;
use super::failure_code::FailureCode;
use super::message_id::MessageId;
use crate::msgpack::{self, infallible};
use crate::sanitize::sanitized;

/// A failure: an error of the application, or a refusal. Its body is `[code, message]` or `[code,
/// message, detail]`.
///
/// This frame is an addition of this crate to the protocol. Python peers ignore it and wait for
/// their timeout, as they do if a Python peer refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure<'a> {
    /// The message id of the call.
    pub id: MessageId,
    /// The code: an error of the application, or one of the refusals.
    pub code: FailureCode,
    /// The text for people. It comes from the peer, and may be empty or truncated.
    pub message: &'a str,
    /// One undecoded msgpack value: the application's error, or the numbers of a refusal.
    pub detail: Option<&'a [u8]>,
}

impl Failure<'_> {
    /// The maximum length of a message in bytes, enough for a sentence or two. Longer messages come
    /// from errors of the application's types, which may quote everything that a remote peer sent.
    pub const MAX_MESSAGE_LEN: usize = 200;

    /// Returns the start of the message, safe for logs and terminals: at most 200 characters, with
    /// control characters escaped.
    ///
    /// ```
    /// use rpcudp_core::{Failure, FailureCode, MessageId};
    ///
    /// let id = MessageId::from_bytes([0; 20]);
    /// let failure = Failure { id, code: FailureCode::BUSY, message: "\u{1b}[2Jbusy", detail: None };
    /// assert_eq!(&*failure.printable_message(), r"\u{1b}[2Jbusy");
    /// ```
    #[must_use]
    pub fn printable_message(&self) -> Box<str> {
        sanitized(self.message)
    }

    /// Appends the datagram, limited to `max_len` bytes. Truncates the message first and then
    /// leaves out the detail. A message longer than [`MAX_MESSAGE_LEN`](Self::MAX_MESSAGE_LEN) is
    /// always truncated. A truncated message ends after a whole word, with "…".
    ///
    /// Pass the length of the request as `max_len`, unless the source is
    /// [validated](crate::Limiter::is_validated) or trusted. A failure that is longer than its
    /// request would let an attacker with a forged source address flood a third party. The shortest
    /// failure has 24 bytes, no more than the shortest request; a code above 127, which this
    /// version does not send, takes one byte more.
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
        // The empty message takes a byte.
        let detail = self.detail.filter(|detail| detail.len() < room);
        let (message, ellipsis) = truncate(self.message, room - detail.map_or(0, <[u8]>::len).min(room));
        out.push(FAILURE_BYTE);
        out.extend_from_slice(self.id.as_bytes());
        infallible(rmp::encode::write_array_len(out, if detail.is_some() { 3 } else { 2 }));
        infallible(rmp::encode::write_uint(out, u64::from(self.code.number())));
        // Message and ellipsis have at most `MAX_MESSAGE_LEN` bytes together.
        infallible(rmp::encode::write_str_len(out, (message.len() + ellipsis.len()) as u32));
        out.extend_from_slice(message.as_bytes());
        out.extend_from_slice(ellipsis.as_bytes());
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
            // Later versions may append fields.
            _ => Some(&rest[..msgpack::value_len(rest)?]),
        };
        Some(Self { id, code, message, detail })
    }
}

/// Returns the start of `message` that fits into `room` bytes together with its msgpack head, and
/// an ellipsis if it is truncated.
///
/// Truncates after a word if possible, and otherwise inside the first word. Returns an empty
/// message if only the ellipsis would fit.
fn truncate(message: &str, room: usize) -> (&str, &'static str) {
    let len = str_len(room).min(Failure::MAX_MESSAGE_LEN);
    if message.len() <= len {
        return (message, "");
    }
    let mut len = len.saturating_sub(ELLIPSIS.len());
    while !message.is_char_boundary(len) {
        len -= 1;
    }
    let kept = &message[..len];
    // The last word is whole if whitespace follows it.
    let is_whole = message[kept.len()..].starts_with(char::is_whitespace);
    let kept = if is_whole { kept } else { kept.rsplit_once(char::is_whitespace).map_or(kept, |(words, _)| words) };
    let kept = kept.trim_end();
    if kept.is_empty() { ("", "") } else { (kept, ELLIPSIS) }
}

/// The end of a truncated message.
const ELLIPSIS: &str = "…";

/// Returns the maximum length of a str that takes `room` bytes together with its msgpack head.
/// Exact for results below 258.
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
    fn shortest_failure_is_as_long_as_the_shortest_request() {
        let failure = Failure { id: ID, code: FailureCode::BUSY, message: "busy", detail: None };
        assert_eq!(encoded(&failure, 0).len(), 24);
    }

    #[test]
    fn detail_outlasts_the_message_and_is_never_truncated() {
        let failure = Failure { id: ID, code: FailureCode::BUSY, message: "busy", detail: Some(b"\x92\x01\x02") };
        assert!(encoded(&failure, 100).ends_with(b"\xa4busy\x92\x01\x02"));
        assert!(encoded(&failure, 29).ends_with(b"\x93\x03\xa0\x92\x01\x02"));
        assert!(encoded(&failure, 27).ends_with(b"\x93\x03\xa0\x92\x01\x02"));
        assert!(encoded(&failure, 26).ends_with(b"\x92\x03\xa0"));
    }

    #[test]
    fn message_is_truncated_after_a_word() {
        let message = "`key` is missing (argument 2; 1 sent)";
        for (len, kept) in [
            (37, message),
            (36, "`key` is missing (argument 2; 1…"),
            (33, "`key` is missing (argument 2;…"),
            (19, "`key` is missing…"),
            (18, "`key` is…"),
            (8, "`key`…"),
            // Inside a word only if the first word does not fit.
            (7, "`key…"),
            (4, "`…"),
            (3, ""),
            (0, ""),
        ] {
            let room = len + if len < 32 { 1 } else { 2 };
            let (kept_part, ellipsis) = truncate(message, room);
            assert_eq!(format!("{kept_part}{ellipsis}"), kept, "{len}");
        }
        let words = "word ".repeat(100);
        let (kept, ellipsis) = truncate(&words, usize::MAX);
        assert_eq!((kept.len(), ellipsis), (194, ELLIPSIS));
        // Never inside a character.
        assert_eq!(truncate(&"ä".repeat(200), usize::MAX).0.len(), 196);
    }
}
