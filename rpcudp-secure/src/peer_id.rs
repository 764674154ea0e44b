use std::fmt;
use std::str::FromStr;

use crate::key_error::KeyError;

/// The public key of a peer, which identifies it: an Ed25519 key.
///
/// Its text has 52 characters of base32 (RFC 4648, lower case, without padding). 64 characters of
/// hex are read too.
///
/// ```
/// use rpcudp_secure::PeerId;
///
/// let peer = PeerId::from_bytes([7; 32]);
/// let text = peer.to_string();
/// assert_eq!(text, "a4dqobyha4dqobyha4dqobyha4dqobyha4dqobyha4dqobyha4dq");
/// assert_eq!(text.parse(), Ok(peer));
/// assert_eq!("07".repeat(32).parse(), Ok(peer));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId([u8; Self::LEN]);

impl PeerId {
    /// The length of a key, in bytes.
    pub const LEN: usize = 32;

    /// The length of the text, in characters.
    const TEXT_LEN: usize = 52;

    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

    /// Returns the peer with this key. A key that is no point of the curve belongs to no peer:
    /// nobody can prove it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    fn from_base32(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::LEN];
        let (mut bits, mut bit_count, mut len) = (0_u32, 0, 0);
        for char in text {
            let value = Self::ALPHABET.iter().position(|letter| *letter == char.to_ascii_lowercase())?;
            bits = bits << 5 | value as u32;
            bit_count += 5;
            if bit_count >= 8 {
                bit_count -= 8;
                *bytes.get_mut(len)? = (bits >> bit_count) as u8;
                bits &= (1 << bit_count) - 1;
                len += 1;
            }
        }
        // The last character has four bits more than the key. They are zero, so that each key has
        // one text.
        (bits == 0).then_some(Self(bytes))
    }

    fn from_hex(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::LEN];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks(2)) {
            let [high, low] = pair else { return None };
            let digit = |char: &u8| char::from(*char).to_digit(16);
            *byte = (digit(high)? << 4 | digit(low)?) as u8;
        }
        Some(Self(bytes))
    }
}

impl FromStr for PeerId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let peer = match text.len() {
            Self::TEXT_LEN => Self::from_base32(text.as_bytes()),
            len if len == 2 * Self::LEN => Self::from_hex(text.as_bytes()),
            _ => None,
        };
        peer.ok_or(KeyError::InvalidPeerId)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; Self::TEXT_LEN];
        for (index, char) in text.iter_mut().enumerate() {
            let (byte, bit) = (index * 5 / 8, index * 5 % 8);
            let next = self.0.get(byte + 1).copied().unwrap_or(0);
            let bits = u16::from_be_bytes([self.0[byte], next]);
            *char = Self::ALPHABET[usize::from(bits >> (11 - bit) & 31)];
        }
        f.pad(str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_converts_back_for_every_bit() {
        for bit in 0..256 {
            let mut bytes = [0; 32];
            bytes[bit / 8] = 128 >> (bit % 8);
            let peer = PeerId::from_bytes(bytes);
            let text = peer.to_string();
            assert_eq!(text.parse(), Ok(peer), "{text}");
            assert_eq!(text.to_uppercase().parse(), Ok(peer));
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex.parse(), Ok(peer));
        }
    }

    #[test]
    fn other_text_is_no_key() {
        let text = PeerId::from_bytes([7; 32]).to_string();
        let texts = ["", "a", &text[1..], &"1".repeat(52), &"b".repeat(52), &"g".repeat(64), &"é".repeat(26)];
        for text in texts {
            assert_eq!(text.parse::<PeerId>(), Err(KeyError::InvalidPeerId), "{text:?}");
        }
        assert_eq!(format!("{text}a").parse::<PeerId>(), Err(KeyError::InvalidPeerId));
    }
}
