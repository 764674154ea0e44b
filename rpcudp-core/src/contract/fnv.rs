const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// The 64-bit FNV-1a hash of what was fed to it.
#[derive(Clone, Copy)]
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) const START: Self = Self(0xcbf2_9ce4_8422_2325);

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(FNV_PRIME))
    }

    /// Text and its end, which is no byte of any text; or other bytes.
    pub(crate) const fn field(mut self, text: &[u8]) -> Self {
        let mut at = 0;
        while at < text.len() {
            self = self.byte(text[at]);
            at += 1;
        }
        self.byte(0xff)
    }

    /// A type and its end, without lifetimes.
    pub(super) const fn ty(mut self, text: &[u8]) -> Self {
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

    pub(crate) const fn mixed(self) -> u64 {
        let hash = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^ (hash >> 31)
    }
}

/// Whether a byte belongs to a name: what is not ASCII does.
const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}
