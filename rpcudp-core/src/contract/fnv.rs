const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// A 64-bit FNV-1a hasher that works in constants.
#[derive(Clone, Copy)]
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) const START: Self = Self(0xcbf2_9ce4_8422_2325);

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(FNV_PRIME))
    }

    /// Hashes a field, and the byte `0xff`, which does not occur in UTF-8.
    pub(crate) const fn field(mut self, text: &[u8]) -> Self {
        let mut at = 0;
        while at < text.len() {
            self = self.byte(text[at]);
            at += 1;
        }
        self.byte(0xff)
    }

    /// Hashes a type without its lifetimes, and the byte `0xff`.
    pub(super) const fn type_text(mut self, text: &[u8]) -> Self {
        let mut at = 0;
        while at < text.len() {
            if text[at] == b'\'' {
                at += 1;
                while at < text.len() && is_name(text[at]) {
                    at += 1;
                }
                if at < text.len() && text[at] == b' ' {
                    at += 1;
                }
            } else {
                self = self.byte(text[at]);
                at += 1;
            }
        }
        self.byte(0xff)
    }

    /// Hashes a number.
    pub(super) const fn number(mut self, number: u64) -> Self {
        let bytes = number.to_le_bytes();
        let mut at = 0;
        while at < bytes.len() {
            self = self.byte(bytes[at]);
            at += 1;
        }
        self
    }

    /// Returns the hash, mixed by the finalizer of SplitMix64.
    pub(crate) const fn finish(self) -> u64 {
        let hash = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^ (hash >> 31)
    }
}

/// Whether a byte belongs to an identifier. Bytes of non-ASCII characters do.
const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}
