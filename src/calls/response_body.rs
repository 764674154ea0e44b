use std::{fmt, mem};

use rpcudp_core::codec::{DecodeError, as_bytes, decode, decode_bytes};
use rpcudp_core::copy;
use serde::de::DeserializeOwned;

use crate::buffer_pool;

/// The body of an answer, between its arrival and the moment that its caller decodes it. A small one needs no memory of
/// its own.
pub(crate) enum Body {
    Small {
        len: u8,
        bytes: [u8; Self::SMALL_LEN],
    },
    /// A value that is bytes and nothing else: the caller is likely to want them, and gets this memory.
    Bytes(Vec<u8>),
    Large(Kept),
}

/// A buffer that the thread keeps that has read it.
pub(crate) struct Kept(Vec<u8>);

impl Drop for Kept {
    fn drop(&mut self) {
        buffer_pool::give(mem::take(&mut self.0));
    }
}

impl Body {
    /// Up to this length a body is small: what makes the slot of a call 128 bytes, two cache lines.
    const SMALL_LEN: usize = 46;

    pub(crate) fn new(bytes: &[u8]) -> Self {
        if bytes.len() > Self::SMALL_LEN {
            if let Some(bytes) = as_bytes(bytes) {
                return Self::Bytes(copy::to_vec(bytes));
            }
            let mut kept = buffer_pool::take();
            copy::append(&mut kept, bytes);
            return Self::Large(Kept(kept));
        }
        let mut small = [0; Self::SMALL_LEN];
        small[..bytes.len()].copy_from_slice(bytes);
        Self::Small { len: bytes.len() as u8, bytes: small }
    }

    /// Reads what the caller wants.
    pub(crate) fn decode<T: DeserializeOwned>(self) -> Result<T, DecodeError> {
        match self {
            Self::Small { len, bytes } => decode(&bytes[..usize::from(len)]),
            Self::Bytes(bytes) => decode_bytes(bytes),
            Self::Large(Kept(ref bytes)) => decode(bytes),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = match self {
            Self::Small { len, .. } => usize::from(*len),
            Self::Bytes(bytes) | Self::Large(Kept(bytes)) => bytes.len(),
        };
        write!(f, "Body({len} bytes)")
    }
}

#[cfg(test)]
mod tests {
    use rpcudp_core::codec::encode;

    use super::*;

    #[test]
    fn a_body_is_what_it_was_made_of() {
        let mut encoded = Vec::new();
        for len in [0, 1, 43, 44, 45, 255, 256, 65_480] {
            let bytes: Vec<_> = (0..len).map(|at| at as u8).collect();
            let text = "x".repeat(len);
            encode(&mut encoded, &bytes).unwrap();
            assert_eq!(Body::new(&encoded).decode::<Vec<u8>>().unwrap(), bytes, "{len}");
            encoded.clear();
            encode(&mut encoded, &text).unwrap();
            assert_eq!(Body::new(&encoded).decode::<String>().unwrap(), text, "{len}");
            encoded.clear();
        }
    }
}
