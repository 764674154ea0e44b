//! Copies of bytes whose time does not depend on where they lie.
//!
//! On AMD's Zen 3, and on some others, the instruction that copies a run of bytes (`rep movsb`) takes twenty times as long and more
//! where the copy begins between 1 and 31 bytes further into its page of memory than the original
//! ([glibc bug 30994](https://sourceware.org/bugzilla/show_bug.cgi?id=30994)). glibc takes that instruction from 2,112 bytes on,
//! and where a payload lies within its page is for the allocator to say: one endpoint's calls of 8,000 bytes may take 2.6 us
//! more than another's, each of them, for as long as both live. (`micro` in the repository's `bench` measures it.)

/// The longest run that every glibc copies another way, and no slower.
const MAX_PIECE_LEN: usize = 2_048;

/// Appends a copy of `bytes`, in pieces.
///
/// ```
/// use rpcudp_core::copy;
///
/// let mut out = vec![1, 2];
/// copy::append(&mut out, &[3; 8_000]);
/// assert_eq!(out.len(), 8_002);
/// ```
#[inline]
pub fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len());
    for piece in bytes.chunks(MAX_PIECE_LEN) {
        out.extend_from_slice(piece);
    }
}

/// A copy of `bytes`, in pieces.
///
/// ```
/// use rpcudp_core::copy;
///
/// assert_eq!(copy::to_vec(&[3; 8_000]), [3; 8_000]);
/// ```
#[must_use]
pub fn to_vec(bytes: &[u8]) -> Vec<u8> {
    let mut copy = Vec::with_capacity(bytes.len());
    append(&mut copy, bytes);
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_between_pieces() {
        for len in [0, 1, 2_047, 2_048, 2_049, 4_096, 8_000, 65_507] {
            let bytes: Vec<_> = (0..len).map(|at| (at / 7) as u8).collect();
            let mut out = b"head".to_vec();
            append(&mut out, &bytes);
            assert_eq!(out, [b"head", bytes.as_slice()].concat());
            assert_eq!(to_vec(&bytes), bytes);
            assert_eq!(to_vec(&bytes).capacity(), len);
        }
    }
}
