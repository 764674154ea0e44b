//! The trailer: fields that this crate appends after the body of a datagram. Python peers ignore
//! these bytes.
//!
//! | bytes | value |
//! | --- | --- |
//! | 0..4 | `c1 52 75 54`: a byte that msgpack never uses, and "RuT" |
//! | then, for each field | its type, the length of its value, and the value |
//!
//! | type | value | in |
//! | --- | --- | --- |
//! | 1 | milliseconds that the caller waits from its first transmission, `u32` | requests |
//! | 2 | microseconds between the arrival of the request and the response, `u32` | responses |
//! | 3 | the checksum of all bytes between the message id and this value, `u64` | responses |
//! | 4 | a part of the metadata; consecutive fields form one block | requests |
//! | 5 | milliseconds over which the receivers of a multicast request spread their responses, `u32` | requests |
//!
//! Numbers are big-endian. A reader skips fields of other types and bytes at the end of a value.
//!
//! The remaining time is a duration, not a time, so the clocks of the peers need not agree. It does
//! not account for the time in transit, and a retransmission contains the same value as the first
//! transmission. The server therefore assumes a deadline that is rather too late than too early.

use std::time::Duration;

use super::checksum;
use super::message_id::MessageId;
use super::metadata::{Metadata, MetadataError, RawMetadata};
use crate::limits::{HEADER_LEN, MAX_DATAGRAM_LEN};

const MAGIC: [u8; 4] = [0xc1, b'R', b'u', b'T'];

const REMAINING: u8 = 1;
const HANDLER_TIME: u8 = 2;
const CHECKSUM: u8 = 3;
const METADATA: u8 = 4;
const RESPONSE_WINDOW: u8 = 5;

/// The number of fields that a reader looks at, so that a datagram full of empty fields costs no
/// more than a few.
const MAX_FIELD_COUNT: usize = 8;

/// The length of the longest value of a field.
const MAX_FIELD_LEN: usize = u8::MAX as usize;

/// The length of a field with a `u32`, and of one with a `u64`.
const U32_FIELD_LEN: usize = 2 + size_of::<u32>();
const U64_FIELD_LEN: usize = 2 + size_of::<u64>();

/// The length of the remaining time, as its field has it.
const REMAINING_VALUE_LEN: u8 = size_of::<u32>() as u8;

/// The fields after the body of a datagram.
///
/// ```
/// use rpcudp_core::{Dialect, Frame, MessageId, Response, Trailer, codec};
/// use std::time::Duration;
///
/// let mut datagram = Vec::new();
/// Response::begin(&mut datagram, Dialect::Rpcudp, MessageId::from_bytes([7; 20]));
/// codec::encode(&mut datagram, "found after a while")?;
/// Trailer::end_response(&mut datagram, 0, Some(Duration::from_millis(20)), true, usize::MAX);
///
/// let decoded = Frame::decode_with_trailer(&datagram, Dialect::Rpcudp);
/// let Ok((Frame::Response(_), trailer)) = decoded else { panic!("no response") };
/// assert_eq!(trailer.handler_time, Some(Duration::from_millis(20)));
/// # Ok::<(), codec::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trailer {
    /// In a request: the time that its caller waits, counted from its first transmission.
    pub remaining: Option<Duration>,
    /// In a response or failure: the time between the arrival of the request and the response.
    pub handler_time: Option<Duration>,
    /// In a request to a multicast or broadcast address: the time over which its receivers spread
    /// their responses.
    pub response_window: Option<Duration>,
    /// The position of the checksum, counted from the end of the body, and the checksum.
    checksum: Option<(usize, u64)>,
    /// The begin and the end of the fields with metadata, counted from the end of the body. Both
    /// are 0 if there are none.
    metadata: (u32, u32),
}

impl Trailer {
    /// The length of the longest body of a response that travels without a checksum. Such a
    /// datagram fits into one packet on every link that IPv6 permits.
    pub const MAX_UNCHECKED_LEN: usize = 1_200;

    /// The time from which on a response reports its handler's time.
    pub const MIN_HANDLER_TIME: Duration = Duration::from_millis(1);

    /// The length of a trailer with the remaining time.
    pub(crate) const REMAINING_LEN: usize = MAGIC.len() + U32_FIELD_LEN;

    /// Appends a trailer with the remaining time to a request.
    pub(crate) fn end_request(out: &mut Vec<u8>, remaining: Duration) {
        out.extend_from_slice(&MAGIC);
        // Rounds up: after its deadline a caller sends no request.
        append_u32(out, REMAINING, remaining.as_micros().div_ceil(1_000));
    }

    /// Returns the bytes that may follow the first `len` bytes of a frame. One that is longer than
    /// a datagram travels over a link, which sets its limit.
    pub(crate) fn room_after(len: usize) -> usize {
        if len > MAX_DATAGRAM_LEN { usize::MAX } else { MAX_DATAGRAM_LEN - len }
    }

    /// Replaces the remaining time in the trailer of a request, if it is the first field, as in
    /// every trailer that [`end_request_with`](Self::end_request_with) writes.
    pub(crate) fn set_remaining(trailer: &mut [u8], remaining: Duration) {
        let Some((magic, fields)) = trailer.split_first_chunk_mut() else { return };
        if *magic == MAGIC
            && let Some([REMAINING, REMAINING_VALUE_LEN, number @ ..]) = fields.first_chunk_mut::<U32_FIELD_LEN>()
        {
            *number = saturated(remaining.as_micros().div_ceil(1_000)).to_be_bytes();
        }
    }

    /// Appends a trailer with the remaining time, if there is one, and with metadata. Appends
    /// nothing if both are missing.
    pub(crate) fn end_request_with(
        out: &mut Vec<u8>,
        remaining: Option<Duration>,
        metadata: &Metadata,
    ) -> Result<(), MetadataError> {
        let block = metadata.block();
        let remaining_len = if remaining.is_some() { U32_FIELD_LEN } else { 0 };
        let overhead = MAGIC.len() + remaining_len + 2 * block.len().div_ceil(MAX_FIELD_LEN);
        let room = Self::room_after(out.len()).saturating_sub(overhead);
        if block.len() > room {
            return Err(MetadataError::TooLong { len: block.len(), limit: room });
        }
        match remaining {
            Some(remaining) => Self::end_request(out, remaining),
            None if block.is_empty() => {}
            None => out.extend_from_slice(&MAGIC),
        }
        for part in block.chunks(MAX_FIELD_LEN) {
            out.extend_from_slice(&[METADATA, part.len() as u8]);
            out.extend_from_slice(part);
        }
        Ok(())
    }

    /// Appends the response window to a trailer that has other fields, if the datagram has room.
    pub(crate) fn add_response_window(out: &mut Vec<u8>, response_window: Duration) {
        if out.len() + U32_FIELD_LEN <= MAX_DATAGRAM_LEN {
            append_u32(out, RESPONSE_WINDOW, response_window.as_millis());
        }
    }

    /// Appends a trailer to the response or failure that begins at `start`, and marks the response
    /// as checked if it gets a checksum. Appends no field with which the response would be longer
    /// than `max_len` or than a datagram.
    ///
    /// Only a caller whose request had a trailer understands a checked response.
    pub fn end_response(
        out: &mut Vec<u8>,
        start: usize,
        handler_time: Option<Duration>,
        has_checksum: bool,
        max_len: usize,
    ) {
        let room = max_len.min(MAX_DATAGRAM_LEN).saturating_sub(out.len() - start + MAGIC.len());
        let has_checksum = has_checksum && U64_FIELD_LEN <= room;
        let checksum_len = if has_checksum { U64_FIELD_LEN } else { 0 };
        let handler_time = handler_time.filter(|_| checksum_len + U32_FIELD_LEN <= room);
        if handler_time.is_some() || has_checksum {
            out.extend_from_slice(&MAGIC);
        }
        if let Some(time) = handler_time {
            append_u32(out, HANDLER_TIME, time.as_micros());
        }
        if has_checksum && let Some(id) = out[start + 1..].first_chunk() {
            let id = MessageId::from_bytes(*id);
            out[start] |= CHECKED_BIT;
            out.extend_from_slice(&[CHECKSUM, size_of::<u64>() as u8]);
            let checksum = checksum::compute(&id, &out[start + HEADER_LEN..]);
            out.extend_from_slice(&checksum.to_be_bytes());
        }
    }

    /// Reads the bytes after a body. The first field of a type counts.
    #[inline]
    pub(crate) fn read(rest: &[u8]) -> Self {
        rest.strip_prefix(&MAGIC).map_or_else(Self::default, |fields| Self::read_fields(fields, rest.len()))
    }

    #[inline]
    fn read_fields(mut fields: &[u8], rest_len: usize) -> Self {
        let mut trailer = Self::default();
        for _ in 0..MAX_FIELD_COUNT {
            let Some(([kind, len], after)) = fields.split_first_chunk() else { break };
            let Some((value, after)) = after.split_at_checked(usize::from(*len)) else { break };
            let begin = rest_len - fields.len();
            let at = begin + 2;
            fields = after;
            let number = || value.first_chunk().map(|bytes| u64::from(u32::from_be_bytes(*bytes)));
            match *kind {
                REMAINING if trailer.remaining.is_none() => trailer.remaining = number().map(Duration::from_millis),
                HANDLER_TIME if trailer.handler_time.is_none() => {
                    trailer.handler_time = number().map(Duration::from_micros);
                }
                RESPONSE_WINDOW if trailer.response_window.is_none() => {
                    trailer.response_window = number().map(Duration::from_millis);
                }
                CHECKSUM if trailer.checksum.is_none() => {
                    trailer.checksum = value.first_chunk().map(|bytes| (at, u64::from_be_bytes(*bytes)));
                }
                METADATA => trailer.add_metadata(begin, rest_len - fields.len()),
                _ => {}
            }
        }
        trailer
    }

    /// Adds a field with metadata, if it is the first or follows the last. Apart, so that the
    /// reader of the other fields is small enough to be inlined.
    #[cold]
    fn add_metadata(&mut self, begin: usize, end: usize) {
        // A datagram is shorter than 4 GiB.
        let (begin, end) = (u32::try_from(begin), u32::try_from(end));
        match (begin, end, self.metadata.1) {
            (Ok(begin), Ok(end), 0) => self.metadata = (begin, end),
            (Ok(begin), Ok(end), last) if begin == last => self.metadata.1 = end,
            _ => {}
        }
    }

    /// Returns the metadata. `rest` are the bytes after the body, which the trailer was read from.
    #[inline]
    pub(crate) fn metadata<'a>(&self, rest: &'a [u8]) -> RawMetadata<'a> {
        let (begin, end) = self.metadata;
        RawMetadata::new(&rest[begin as usize..end as usize])
    }

    /// Whether the checksum is that of the datagram's body, which has `body_len` bytes. `false` if
    /// there is no checksum.
    pub(crate) fn has_valid_checksum(&self, id: &MessageId, rest: &[u8], body_len: usize) -> bool {
        self.checksum.is_some_and(|(at, checksum)| checksum::compute(id, &rest[..body_len + at]) == checksum)
    }
}

/// The bit of the kind byte that marks a checked response: one whose trailer has a checksum.
///
/// The first fragment of a datagram has the bit, and a forged later fragment cannot remove it.
pub(super) const CHECKED_BIT: u8 = 0x80;

/// Appends a field. A number that does not fit is written as the largest.
fn append_u32(out: &mut Vec<u8>, kind: u8, number: u128) {
    out.extend_from_slice(&[kind, size_of::<u32>() as u8]);
    out.extend_from_slice(&saturated(number).to_be_bytes());
}

fn saturated(number: u128) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn remaining(rest: &[u8]) -> Option<Duration> {
        Trailer::read(rest).remaining
    }

    #[test]
    fn layout_is_as_documented() {
        let mut bytes = Vec::new();
        Trailer::end_request(&mut bytes, Duration::from_secs(5));
        assert_eq!(bytes.len(), Trailer::REMAINING_LEN);
        assert_eq!(bytes, b"\xc1RuT\x01\x04\x00\x00\x13\x88");

        Trailer::add_response_window(&mut bytes, Duration::from_millis(2_500));
        assert_eq!(bytes, b"\xc1RuT\x01\x04\x00\x00\x13\x88\x05\x04\x00\x00\x09\xc4");
        assert_eq!(Trailer::read(&bytes).response_window, Some(Duration::from_millis(2_500)));

        let response = b"\x01twenty bytes of id..\xc0";
        let time = Some(Duration::from_micros(5_000));
        let end = |handler_time, has_checksum| {
            // As in a batch, other bytes are before the response.
            let mut bytes = [&b"before"[..], response].concat();
            Trailer::end_response(&mut bytes, 6, handler_time, has_checksum, usize::MAX);
            bytes[6..].to_vec()
        };
        assert_eq!(end(None, false), response);
        assert_eq!(end(time, false), [&response[..], b"\xc1RuT\x02\x04\x00\x00\x13\x88"].concat());
        let [checked, both] = [None, time].map(|time| end(time, true));
        let start = b"\x81twenty bytes of id..\xc0\xc1RuT";
        assert!(checked.starts_with(&[&start[..], b"\x03\x08"].concat()) && checked.len() == start.len() + 10);
        assert!(both.starts_with(&[&start[..], b"\x02\x04\x00\x00\x13\x88\x03\x08"].concat()));
        assert_eq!(both.len(), start.len() + 16);
    }

    #[test]
    fn longer_values_are_read_and_shorter_ones_ignored() {
        let bytes = b"\xc1RuT\x01\x06\x00\x00\x13\x88ab and more";
        assert_eq!(remaining(bytes), Some(Duration::from_secs(5)));
        (0..12).for_each(|len| assert_eq!(remaining(&bytes[..len]), None, "{len}"));
        assert_eq!(remaining(b"\xc1RuT\x01\x03\x00\x00\x13\x88"), None, "too short a value");
        assert_eq!(remaining(b"\xc1Rut\x01\x04\x00\x00\x13\x88"), None, "something else");
    }

    #[test]
    fn fields_of_other_types_are_skipped_and_the_first_of_a_type_counts() {
        let bytes =
            b"\xc1RuT\x07\x02ab\x09\x00\x02\x04\x00\x00\x00\x09\x01\x04\x00\x00\x13\x88\x01\x04\x00\x00\x00\x01";
        let trailer = Trailer::read(bytes);
        assert_eq!(trailer.remaining, Some(Duration::from_secs(5)));
        assert_eq!(trailer.handler_time, Some(Duration::from_micros(9)));
        let many = [&b"\xc1RuT"[..], &b"\x07\x00".repeat(8), b"\x01\x04\x00\x00\x13\x88"].concat();
        assert_eq!(remaining(&many), None, "a reader looks at eight fields");
        assert_eq!(remaining(&[&many[..4], &many[6..]].concat()), Some(Duration::from_secs(5)));
    }

    #[test]
    fn fields_without_room_are_left_out() {
        for (len, expected_len) in
            [(65_507 - 20, 65_507), (65_507 - 19, 65_507 - 5), (65_507 - 14, 65_507), (65_507 - 13, 65_507 - 3)]
        {
            let mut bytes = vec![0; len];
            Trailer::end_response(&mut bytes, 0, Some(Duration::from_secs(1)), true, usize::MAX);
            assert_eq!(bytes.len(), expected_len, "{len}");
            assert_eq!(bytes[0] == CHECKED_BIT, len <= 65_507 - 14);
        }
    }

    proptest! {
        #[test]
        fn written_times_are_read_back(micros: u64) {
            let mut bytes = Vec::new();
            Trailer::end_request(&mut bytes, Duration::from_micros(micros));
            let read = remaining(&bytes).unwrap();
            prop_assert!(read.as_millis() == u128::from(u32::MAX) || read.as_micros().abs_diff(micros.into()) < 1_000);
        }

        #[test]
        fn no_bytes_panic(mut bytes: Vec<u8>, has_magic: bool) {
            if has_magic {
                bytes.splice(..0, MAGIC);
            }
            let _ = Trailer::read(&bytes);
        }
    }
}
