//! Integers of 128 bits that do not fit into 64. msgpack has no such type, so they are a bin, most
//! significant byte first: 16 bytes if they are not negative, and 17 bytes in two's complement,
//! of which the first is 0xff, if they are.
//!
//! Negative ones are longer because 16 bytes cannot hold the sign: -1 would equal `u128::MAX`.

/// Returns the bytes of an integer, with a byte of sign in front.
pub(super) fn from_i128(value: i128) -> [u8; 17] {
    let mut bytes = [0xff; 17];
    bytes[1..].copy_from_slice(&value.to_be_bytes());
    bytes
}

/// Returns the integer that a bin holds, if it is one in the range of the type.
pub(super) fn to_i128(bytes: &[u8]) -> Option<i128> {
    match bytes {
        [0xff, negative @ ..] => {
            // 16 bytes that begin with 0xff are a `u128` above the range.
            let value = i128::from_be_bytes(negative.try_into().ok()?);
            (value < 0).then_some(value)
        }
        _ => to_u128(bytes)?.try_into().ok(),
    }
}

/// Returns the integer that a bin holds, if it is one in the range of the type.
pub(super) fn to_u128(bytes: &[u8]) -> Option<u128> {
    bytes.try_into().ok().map(u128::from_be_bytes)
}
