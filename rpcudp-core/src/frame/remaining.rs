//! How long a caller still waits: bytes behind the body of a request, which Python's peers do not look at.
//!
//! | bytes | value |
//! | --- | --- |
//! | 0..4 | `c1 52 75 54`: a byte that msgpack never uses, and "RuT" |
//! | 4 | the version, 1 |
//! | 5 | how many bytes follow: at least 4 |
//! | 6..10 | milliseconds that the caller waits from when it first sent this, big-endian |
//!
//! A duration and not a time: nobody's clock has to be right. It says nothing of how long the request was under way, and a
//! request that is sent again says what it said at first, so that a callee believes the caller to be there rather too long
//! than too short.

use std::time::Duration;

const MAGIC: [u8; 4] = [0xc1, b'R', b'u', b'T'];
const VERSION: u8 = 1;

/// How many bytes it takes.
pub(crate) const LEN: usize = 10;

/// Appends it to a datagram.
pub(crate) fn append(out: &mut Vec<u8>, remaining: Duration) {
    // Up: who has no time left would not ask.
    let millis = u32::try_from(remaining.as_micros().div_ceil(1_000)).unwrap_or(u32::MAX);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, 4]);
    out.extend_from_slice(&millis.to_be_bytes());
}

/// Reads it from what follows a body, if it is there.
pub(crate) fn read(rest: &[u8]) -> Option<Duration> {
    let (magic, rest) = rest.split_first_chunk()?;
    let ([version, len], rest) = rest.split_first_chunk()?;
    if *magic != MAGIC || *version != VERSION {
        return None;
    }
    // A later version of this may say more.
    let value = rest.get(..usize::from(*len))?.first_chunk()?;
    Some(Duration::from_millis(u32::from_be_bytes(*value).into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_looks_as_documented() {
        let mut bytes = Vec::new();
        append(&mut bytes, Duration::from_secs(5));
        assert_eq!(bytes.len(), LEN);
        assert_eq!(bytes, b"\xc1RuT\x01\x04\x00\x00\x13\x88");
    }

    #[test]
    fn more_may_be_said_and_less_says_nothing() {
        let bytes = b"\xc1RuT\x01\x06\x00\x00\x13\x88ab and more";
        assert_eq!(read(bytes), Some(Duration::from_secs(5)));
        (0..12).for_each(|len| assert_eq!(read(&bytes[..len]), None, "{len}"));
        assert_eq!(read(b"\xc1RuT\x01\x03\x00\x00\x13\x88"), None, "too short a value");
        assert_eq!(read(b"\xc1RuT\x02\x04\x00\x00\x13\x88"), None, "another version");
        assert_eq!(read(b"\xc1Rut\x01\x04\x00\x00\x13\x88"), None, "something else");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(micros: u64) {
            let mut bytes = Vec::new();
            append(&mut bytes, Duration::from_micros(micros));
            let read = read(&bytes).unwrap();
            prop_assert!(read.as_millis() == u128::from(u32::MAX) || read.as_micros().abs_diff(micros.into()) < 1_000);
        }

        #[test]
        fn nothing_makes_it_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
