//! The time that a caller waits, appended after the body of a request. Python peers ignore these
//! bytes.
//!
//! | bytes | value |
//! | --- | --- |
//! | 0..4 | `c1 52 75 54`: a byte that msgpack never uses, and "RuT" |
//! | 4 | the version, 1 |
//! | 5 | the number of bytes that follow, at least 4 |
//! | 6..10 | milliseconds that the caller waits from its first transmission, big-endian |
//!
//! The value is a duration, not a time, so the clocks of the peers need not agree. It does not
//! account for the time in transit, and a retransmission contains the same value as the first
//! transmission. The server therefore assumes a deadline that is rather too late than too early.

use std::time::Duration;

const MAGIC: [u8; 4] = [0xc1, b'R', b'u', b'T'];
const VERSION: u8 = 1;

/// The length of the appended bytes.
pub(crate) const LEN: usize = 10;

/// Appends the remaining time to a datagram.
pub(crate) fn append(out: &mut Vec<u8>, remaining: Duration) {
    // Rounds up: after its deadline a caller sends no request.
    let millis = u32::try_from(remaining.as_micros().div_ceil(1_000)).unwrap_or(u32::MAX);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, 4]);
    out.extend_from_slice(&millis.to_be_bytes());
}

/// Reads the remaining time from the bytes after a body.
pub(crate) fn read(rest: &[u8]) -> Option<Duration> {
    let (magic, rest) = rest.split_first_chunk()?;
    let ([version, len], rest) = rest.split_first_chunk()?;
    if *magic != MAGIC || *version != VERSION {
        return None;
    }
    // Later versions may append fields.
    let value = rest.get(..usize::from(*len))?.first_chunk()?;
    Some(Duration::from_millis(u32::from_be_bytes(*value).into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn layout_is_as_documented() {
        let mut bytes = Vec::new();
        append(&mut bytes, Duration::from_secs(5));
        assert_eq!(bytes.len(), LEN);
        assert_eq!(bytes, b"\xc1RuT\x01\x04\x00\x00\x13\x88");
    }

    #[test]
    fn longer_values_are_read_and_shorter_ones_ignored() {
        let bytes = b"\xc1RuT\x01\x06\x00\x00\x13\x88ab and more";
        assert_eq!(read(bytes), Some(Duration::from_secs(5)));
        (0..12).for_each(|len| assert_eq!(read(&bytes[..len]), None, "{len}"));
        assert_eq!(read(b"\xc1RuT\x01\x03\x00\x00\x13\x88"), None, "too short a value");
        assert_eq!(read(b"\xc1RuT\x02\x04\x00\x00\x13\x88"), None, "another version");
        assert_eq!(read(b"\xc1Rut\x01\x04\x00\x00\x13\x88"), None, "something else");
    }

    proptest! {
        #[test]
        fn written_times_are_read_back(micros: u64) {
            let mut bytes = Vec::new();
            append(&mut bytes, Duration::from_micros(micros));
            let read = read(&bytes).unwrap();
            prop_assert!(read.as_millis() == u128::from(u32::MAX) || read.as_micros().abs_diff(micros.into()) < 1_000);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
