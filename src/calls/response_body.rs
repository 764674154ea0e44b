use std::{fmt, mem};

use rpcudp_core::codec::{DecodeError, as_bytes, decode, decode_bytes};
use rpcudp_core::copy;
use serde::de::DeserializeOwned;

use crate::buffer_pool;

/// The body of a response, between its arrival and its decoding by the caller. A small body needs
/// no allocation.
pub(crate) enum ResponseBody {
    Small {
        len: u8,
        bytes: [u8; Self::SMALL_LEN],
    },
    /// A value that consists of bytes only. The caller's `Vec<u8>` takes over this allocation.
    Bytes(Vec<u8>),
    Large(PooledBuffer),
}

/// A buffer that returns to the pool of the thread that drops it.
pub(crate) struct PooledBuffer(Vec<u8>);

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        buffer_pool::give(mem::take(&mut self.0));
    }
}

impl ResponseBody {
    /// The largest small body, in bytes: with it, the slot of a call has 128 bytes, two cache
    /// lines.
    const SMALL_LEN: usize = 46;

    pub(crate) fn new(bytes: &[u8]) -> Self {
        if bytes.len() > Self::SMALL_LEN {
            if let Some(bytes) = as_bytes(bytes) {
                return Self::Bytes(copy::to_vec(bytes));
            }
            let mut buffer = buffer_pool::take();
            copy::append(&mut buffer, bytes);
            return Self::Large(PooledBuffer(buffer));
        }
        let mut small = [0; Self::SMALL_LEN];
        small[..bytes.len()].copy_from_slice(bytes);
        Self::Small { len: bytes.len() as u8, bytes: small }
    }

    /// Returns the length of the encoded value, or of its bytes, in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Small { len, .. } => usize::from(*len),
            Self::Bytes(bytes) | Self::Large(PooledBuffer(bytes)) => bytes.len(),
        }
    }

    /// Returns the length of the encoded value on the wire, in bytes.
    pub(crate) fn wire_len(&self) -> usize {
        let head_len = match self {
            Self::Bytes(bytes) if bytes.len() <= usize::from(u8::MAX) => 2,
            Self::Bytes(bytes) if bytes.len() <= usize::from(u16::MAX) => 3,
            Self::Bytes(_) => 5,
            Self::Small { .. } | Self::Large(_) => 0,
        };
        head_len + self.len()
    }

    /// Decodes the value.
    pub(crate) fn decode<T: DeserializeOwned>(self) -> Result<T, DecodeError> {
        match self {
            Self::Small { len, bytes } => decode(&bytes[..usize::from(len)]),
            Self::Bytes(bytes) => decode_bytes(bytes),
            Self::Large(PooledBuffer(ref bytes)) => decode(bytes),
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseBody({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use rpcudp_core::codec::encode;

    use super::*;

    #[test]
    fn a_body_decodes_to_the_value_that_was_encoded() {
        let mut encoded = Vec::new();
        for len in [0, 1, 43, 44, 45, 255, 256, 65_480] {
            let bytes: Vec<_> = (0..len).map(|at| at as u8).collect();
            let text = "x".repeat(len);
            encode(&mut encoded, &bytes).unwrap();
            assert_eq!(ResponseBody::new(&encoded).decode::<Vec<u8>>().unwrap(), bytes, "{len}");
            encoded.clear();
            encode(&mut encoded, &text).unwrap();
            assert_eq!(ResponseBody::new(&encoded).decode::<String>().unwrap(), text, "{len}");
            encoded.clear();
        }
    }
}
