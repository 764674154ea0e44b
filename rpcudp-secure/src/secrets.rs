//! Keys that are derived from the private key of an identity, or from the seed of a table.

use ring::hmac::{HMAC_SHA256, Key, sign};

/// Returns the key for one use, which `label` names. Keys of different uses tell nothing about one
/// another.
pub(crate) fn derive(secret: &[u8; 32], label: &str) -> [u8; 32] {
    let tag = sign(&Key::new(HMAC_SHA256, secret), label.as_bytes());
    tag.as_ref().try_into().expect("a tag of HMAC-SHA-256 has 32 bytes")
}
