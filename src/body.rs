use std::{fmt, mem};

use crate::buffers;

/// The body of an answer, between its arrival and the moment that its caller decodes it. A small one needs no memory of
/// its own.
pub(crate) enum Body {
    Small { len: u8, bytes: [u8; Self::SMALL_LEN] },
    Large(Kept),
}

/// A buffer that the thread keeps that has read it.
pub(crate) struct Kept(Vec<u8>);

impl Drop for Kept {
    fn drop(&mut self) {
        buffers::give(mem::take(&mut self.0));
    }
}

impl Body {
    /// Up to this length a body is small: what makes the slot of a call three cache lines.
    const SMALL_LEN: usize = 46;

    pub(crate) fn new(bytes: &[u8]) -> Self {
        if bytes.len() > Self::SMALL_LEN {
            let mut kept = buffers::take();
            kept.extend_from_slice(bytes);
            return Self::Large(Kept(kept));
        }
        let mut small = [0; Self::SMALL_LEN];
        small[..bytes.len()].copy_from_slice(bytes);
        Self::Small { len: bytes.len() as u8, bytes: small }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Small { len, bytes } => &bytes[..usize::from(*len)],
            Self::Large(Kept(bytes)) => bytes,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.bytes().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_it_was_made_of() {
        for len in [0, 1, 45, 46, 47, 255, 256, 65_486] {
            let bytes: Vec<_> = (0..len).map(|at| at as u8).collect();
            assert_eq!(Body::new(&bytes).bytes(), bytes);
        }
    }
}
