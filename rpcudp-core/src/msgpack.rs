//! The structure of msgpack: finds the end of a value without decoding it.

use rmp::Marker;

use crate::limits::MAX_DEPTH;

/// The fault of a value's structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The value is incomplete, or contains an array or map that claims more elements than bytes
    /// are left.
    Invalid,
    /// The value nests deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// Returns the length of the first value in `bytes`, or `None` if its structure has a
/// [fault](checked_len).
pub(crate) fn value_len(bytes: &[u8]) -> Option<usize> {
    checked_len(bytes).ok()
}

/// Returns the length of the first value in `bytes`, or the fault of its structure.
///
/// No input that passes this check can make a decoder recurse without bound or reserve memory for
/// missing elements.
///
/// Takes time proportional to the number of values, and no heap.
pub(crate) fn checked_len(bytes: &[u8]) -> Result<usize, Fault> {
    nested_len(bytes, MAX_DEPTH)
}

/// Returns the length of the first value in `bytes`, as [`checked_len`] does, if it nests at most
/// `max_depth` levels.
pub(crate) fn nested_len(bytes: &[u8], max_depth: usize) -> Result<usize, Fault> {
    // Most values contain no others, and most arguments and responses are short bytes or texts.
    if let [BIN_8 | STR_8, len, rest @ ..] = bytes {
        let len = usize::from(*len);
        return if len <= rest.len() { Ok(2 + len) } else { Err(Fault::Invalid) };
    }
    let (head_len, payload_len, children) = head(bytes).ok_or(Fault::Invalid)?;
    if children == 0 {
        let len = head_len.checked_add(payload_len).filter(|len| *len <= bytes.len());
        return len.ok_or(Fault::Invalid);
    }
    container_len(bytes, max_depth)
}

fn container_len(bytes: &[u8], max_depth: usize) -> Result<usize, Fault> {
    let max_depth = max_depth.min(MAX_DEPTH);
    // The number of values that are still missing on the innermost open level, and on each level
    // around it. A datagram has fewer than 2^16 bytes, and therefore fewer values.
    let mut missing = 1_u32;
    let mut outer = [0_u32; MAX_DEPTH];
    let mut depth = 0;
    let mut rest = bytes;
    loop {
        let (len, children) = extent(rest).ok_or(Fault::Invalid)?;
        rest = rest.get(len..).ok_or(Fault::Invalid)?;
        missing -= 1;
        if children > 0 {
            if children > rest.len() as u64 {
                return Err(Fault::Invalid);
            }
            if depth == max_depth {
                return Err(Fault::TooDeep);
            }
            outer[depth] = missing;
            missing = u32::try_from(children).map_err(|_| Fault::Invalid)?;
            depth += 1;
            continue;
        }
        // The value is complete, and so are the containers of which it is the last element.
        while missing == 0 {
            if depth == 0 {
                return Ok(bytes.len() - rest.len());
            }
            depth -= 1;
            missing = outer[depth];
        }
    }
}

/// Returns two numbers for the first value in `bytes`: its length, without that of values inside
/// it, and the number of those.
///
/// The lengths of common values are constants here. In a list of values that are alike, the
/// processor guesses them right, and need not wait for one length before it looks at the next head.
#[inline]
fn extent(bytes: &[u8]) -> Option<(usize, u64)> {
    match bytes {
        // Numbers from -32 to 127.
        [..=0x7f | 0xe0.., ..] => Some((1, 0)),
        [first @ FIX_ARRAY..FIX_STR, ..] => Some((1, u64::from(first - FIX_ARRAY))),
        [first @ FIX_STR..NIL, ..] => Some((1 + usize::from(first - FIX_STR), 0)),
        [BIN_8 | STR_8, len, ..] => Some((2 + usize::from(*len), 0)),
        [U_16, ..] => Some((3, 0)),
        _ => {
            let (head_len, payload_len, children) = head(bytes)?;
            Some((head_len.checked_add(payload_len)?, children))
        }
    }
}

/// Returns three numbers for the first value in `bytes`: the length of its head, the length of its
/// plain payload, and the number of values inside it.
#[inline]
fn head(bytes: &[u8]) -> Option<(usize, usize, u64)> {
    let shape = &SHAPES[usize::from(*bytes.first()?)];
    let len = match shape.len_width {
        0 => {
            return (shape.head_len > 0).then_some((
                shape.head_len.into(),
                shape.payload_len.into(),
                shape.children.into(),
            ));
        }
        1 => be_u8(bytes)?,
        2 => be_u16(bytes)?,
        _ => be_u32(bytes)?,
    };
    let payload_len = if shape.children == 0 { len } else { 0 };
    Some((shape.head_len.into(), payload_len, u64::from(shape.children) * len as u64))
}

/// The shape of values with the same first byte.
#[derive(Clone, Copy)]
struct Shape {
    /// The length of the head; 0 if no value begins with the byte.
    head_len: u8,
    /// The number of bytes of the length after the first byte, which is a number of bytes, of
    /// elements or of entries.
    len_width: u8,
    /// The length of the plain payload, if the head has no length.
    payload_len: u8,
    /// The number of values inside. If the head has a length, the number for each unit of it.
    children: u8,
}

/// The shapes by the first byte: a table is faster than a `match`.
static SHAPES: [Shape; 256] = {
    let mut shapes = [Shape { head_len: 0, len_width: 0, payload_len: 0, children: 0 }; 256];
    let mut first = 0;
    while first < shapes.len() {
        shapes[first] = shape(Marker::from_u8(first as u8));
        first += 1;
    }
    shapes
};

const fn shape(marker: Marker) -> Shape {
    let (head_len, len_width, payload_len, children) = match marker {
        Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => (1, 0, 0, 0),
        Marker::U8 | Marker::I8 => (1, 0, 1, 0),
        Marker::U16 | Marker::I16 => (1, 0, 2, 0),
        Marker::U32 | Marker::I32 | Marker::F32 => (1, 0, 4, 0),
        Marker::U64 | Marker::I64 | Marker::F64 => (1, 0, 8, 0),
        Marker::FixStr(len) => (1, 0, len, 0),
        Marker::Str8 | Marker::Bin8 => (2, 1, 0, 0),
        Marker::Str16 | Marker::Bin16 => (3, 2, 0, 0),
        Marker::Str32 | Marker::Bin32 => (5, 4, 0, 0),
        // The type byte of an extension is between its length and its payload.
        Marker::FixExt1 => (2, 0, 1, 0),
        Marker::FixExt2 => (2, 0, 2, 0),
        Marker::FixExt4 => (2, 0, 4, 0),
        Marker::FixExt8 => (2, 0, 8, 0),
        Marker::FixExt16 => (2, 0, 16, 0),
        Marker::Ext8 => (3, 1, 0, 0),
        Marker::Ext16 => (4, 2, 0, 0),
        Marker::Ext32 => (6, 4, 0, 0),
        Marker::FixArray(count) => (1, 0, 0, count),
        Marker::Array16 => (3, 2, 0, 1),
        Marker::Array32 => (5, 4, 0, 1),
        Marker::FixMap(count) => (1, 0, 0, 2 * count),
        Marker::Map16 => (3, 2, 0, 2),
        Marker::Map32 => (5, 4, 0, 2),
        Marker::Reserved => (0, 0, 0, 0),
    };
    Shape { head_len, len_width, payload_len, children }
}

fn be_u8(bytes: &[u8]) -> Option<usize> {
    bytes.get(1).map(|&byte| usize::from(byte))
}

fn be_u16(bytes: &[u8]) -> Option<usize> {
    let bytes = bytes.get(1..3)?.try_into().ok()?;
    Some(usize::from(u16::from_be_bytes(bytes)))
}

fn be_u32(bytes: &[u8]) -> Option<usize> {
    let bytes = bytes.get(1..5)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(bytes)).ok()
}

/// Appends the head of a byte string. The common lengths are written here, because the functions of
/// `rmp` write each byte through `io::Write`.
#[inline]
pub(crate) fn append_bin_head(out: &mut Vec<u8>, len: u32) {
    match u8::try_from(len) {
        Ok(len) => out.extend_from_slice(&[BIN_8, len]),
        Err(_) => drop(infallible(rmp::encode::write_bin_len(out, len))),
    }
}

/// Appends the head of a text, as [`append_bin_head`] does.
#[inline]
pub(crate) fn append_str_head(out: &mut Vec<u8>, len: u32) {
    match u8::try_from(len) {
        Ok(len) if len < FIX_STR_END => out.push(FIX_STR | len),
        Ok(len) => out.extend_from_slice(&[STR_8, len]),
        Err(_) => drop(infallible(rmp::encode::write_str_len(out, len))),
    }
}

/// Appends the head of an array, as [`append_bin_head`] does.
#[inline]
pub(crate) fn append_array_head(out: &mut Vec<u8>, count: u32) {
    if count < FIX_ARRAY_END {
        out.push(FIX_ARRAY | count as u8);
    } else {
        infallible(rmp::encode::write_array_len(out, count));
    }
}

/// Appends a number that is not negative, as [`append_bin_head`] does.
#[inline]
pub(crate) fn append_uint(out: &mut Vec<u8>, value: u64) {
    match value {
        0..=0x7f => out.push(value as u8),
        0x80..=0xff => out.extend_from_slice(&[U_8, value as u8]),
        0x100..=0xffff => {
            let [high, low] = (value as u16).to_be_bytes();
            out.extend_from_slice(&[U_16, high, low]);
        }
        _ => drop(infallible(rmp::encode::write_uint(out, value))),
    }
}

/// Splits the head of an array from `bytes`, and returns its count. The common heads are read here,
/// because the functions of `rmp` read each byte through `io::Read`.
#[inline]
pub(crate) fn split_array_head(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    if (FIX_ARRAY..FIX_ARRAY + FIX_ARRAY_END as u8).contains(first) {
        return Some(((first - FIX_ARRAY).into(), rest));
    }
    rest = bytes;
    let count = rmp::decode::read_array_len(&mut rest).ok()?;
    Some((count, rest))
}

/// Splits a text from `bytes`, as [`split_array_head`] splits a head.
#[inline]
pub(crate) fn split_str(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if (FIX_STR..FIX_STR + FIX_STR_END).contains(first) {
        let (text, rest) = rest.split_at_checked(usize::from(first - FIX_STR))?;
        return Some((str::from_utf8(text).ok()?, rest));
    }
    rmp::decode::read_str_from_slice(bytes).ok()
}

/// The first byte of a byte string, and of a text, of up to 255 bytes.
const BIN_8: u8 = 0xc4;
const STR_8: u8 = 0xd9;

/// The first byte of a number of one byte above 127, and of one of two bytes.
const U_8: u8 = 0xcc;
const U_16: u8 = 0xcd;

/// The first byte of a short text, without its length, and the length from which on a text has
/// another head.
const FIX_STR: u8 = 0xa0;
const FIX_STR_END: u8 = 32;

/// The byte of nil, which comes after the first bytes of short texts.
const NIL: u8 = FIX_STR + FIX_STR_END;

/// The first byte of a short array, without its count, and the count from which on an array has
/// another head.
const FIX_ARRAY: u8 = 0x90;
const FIX_ARRAY_END: u32 = 16;

/// Unwraps the result of writing to a `Vec`, which cannot fail.
pub(crate) fn infallible<T, E: std::fmt::Debug>(written: Result<T, E>) -> T {
    written.expect("writing to a Vec cannot fail")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rmp_serde::decode::Deserializer;
    use serde::Deserialize;
    use serde::de::IgnoredAny;

    use super::*;

    #[test]
    fn length_of_each_kind_of_value_is_found() {
        let values: &[&[u8]] = &[
            b"\x00",
            b"\xff",
            b"\xc0",
            b"\xc2",
            b"\xcc\x80",
            b"\xd1\x80\x00",
            b"\xca\x00\x00\x00\x00",
            b"\xcb\x00\x00\x00\x00\x00\x00\x00\x00",
            b"\xa3abc",
            b"\xd9\x03abc",
            b"\xda\x00\x03abc",
            b"\xdb\x00\x00\x00\x03abc",
            b"\xc4\x03abc",
            b"\xc5\x00\x03abc",
            b"\xc6\x00\x00\x00\x03abc",
            b"\xd4\x01a",
            b"\xd5\x01ab",
            b"\xd6\x01abcd",
            b"\xd7\x01abcdefgh",
            b"\xd8\x01abcdefghijklmnop",
            b"\xc7\x03\x01abc",
            b"\xc8\x00\x03\x01abc",
            b"\xc9\x00\x00\x00\x03\x01abc",
            b"\x90",
            b"\x92\xc0\xc0",
            b"\xdc\x00\x02\xc0\xc0",
            b"\xdd\x00\x00\x00\x02\xc0\xc0",
            b"\x81\xa1a\x92\x01\x02",
            b"\xde\x00\x01\xc0\xc0",
            b"\xdf\x00\x00\x00\x01\xc0\xc0",
        ];
        for value in values {
            assert_eq!(value_len(value), Some(value.len()), "{value:x?}");
            assert_eq!(value_len(&[value, &b"rest"[..]].concat()), Some(value.len()), "{value:x?}");
            for end in 0..value.len() {
                assert_eq!(value_len(&value[..end]), None, "{value:x?} up to {end}");
            }
        }
        assert_eq!(value_len(b"\xc1"), None, "0xc1 is never used");
    }

    #[test]
    fn claimed_elements_without_bytes_are_refused() {
        for claim in [&b"\xdd\xff\xff\xff\xff\xc0"[..], b"\xdf\xff\xff\xff\xff\xc0\xc0", b"\xdc\x00\x03\xc0\xc0"] {
            assert_eq!(value_len(claim), None, "{claim:x?}");
        }
    }

    #[test]
    fn depth_of_arrays_and_maps_is_limited() {
        let nested = |count: usize, open: &[u8]| [open.repeat(count), b"\xc0".to_vec()].concat();
        for open in [&b"\x91"[..], b"\x81\xc0"] {
            assert!(value_len(&nested(MAX_DEPTH, open)).is_some(), "{open:x?}");
            assert_eq!(checked_len(&nested(MAX_DEPTH + 1, open)), Err(Fault::TooDeep), "{open:x?}");
            assert_eq!(checked_len(&nested(30_000, open)), Err(Fault::TooDeep), "{open:x?}");
        }
    }

    proptest! {
        /// Compares with the decoder of `rmp-serde`, which ignores the value. It has no limit on
        /// claims.
        #[test]
        fn any_bytes_have_the_length_that_the_decoder_reads(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut decoder = Deserializer::from_read_ref(&bytes);
            let decoded = IgnoredAny::deserialize(&mut decoder).is_ok();
            if let Some(len) = value_len(&bytes) {
                prop_assert!(len <= bytes.len());
                // `value_len` does not check UTF-8, and the decoder treats extensions specially.
                let mut again = Deserializer::from_read_ref(&bytes[..len]);
                if decoded {
                    prop_assert!(IgnoredAny::deserialize(&mut again).is_ok());
                }
            } else {
                prop_assert!(!decoded);
            }
        }
    }
}
