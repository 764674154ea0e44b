//! Copies of bytes that take the same time at every alignment.
//!
//! On AMD's Zen 3 and some other processors, the instruction `rep movsb` takes twenty or more times
//! as long if the copy starts between 1 and 31 bytes further into its page of memory than the
//! original ([glibc bug 30994](https://sourceware.org/bugzilla/show_bug.cgi?id=30994)). glibc uses
//! this instruction for copies of 2,112 bytes and more. The allocator decides at which offset in
//! its page a payload starts, so one endpoint's calls of 8,000 bytes may each take 2.6 us longer
//! than another's for as long as both exist. The benchmark `micro` in the repository's `bench`
//! measures it.

/// The longest copy that every version of glibc makes without `rep movsb`, and as fast.
const MAX_CHUNK_LEN: usize = 2_048;

/// Appends a copy of `bytes` to `out`, in chunks.
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
    if bytes.len() <= MAX_CHUNK_LEN {
        return out.extend_from_slice(bytes);
    }
    out.reserve(bytes.len());
    for chunk in bytes.chunks(MAX_CHUNK_LEN) {
        out.extend_from_slice(chunk);
    }
}

/// Returns a copy of `bytes`, made in chunks.
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
    fn chunks_add_up_to_the_original() {
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
