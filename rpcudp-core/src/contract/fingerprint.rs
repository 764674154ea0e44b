use std::borrow::Cow;

use super::{Contract, Method};

impl Contract {
    /// A number that two contracts share if they have the same methods, for a quick comparison of two sides.
    ///
    /// It is the wrapping sum of what [`Method::fingerprint`] gives for each, so that the order of the methods does not
    /// matter. Names and documentation of the trait, its bounds and its parameters are not in it. Adding or removing a
    /// method changes it: callers of the others are served all the same, and comparing methods says so.
    ///
    /// It is the same in every version of this crate, and may be computed at compile time. It is no protection against
    /// someone who wants two contracts to look alike.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        let methods = match &self.methods {
            Cow::Borrowed(methods) => methods,
            Cow::Owned(methods) => methods.as_slice(),
        };
        let mut sum = 0_u64;
        let mut at = 0;
        while at < methods.len() {
            sum = sum.wrapping_add(methods[at].fingerprint());
            at += 1;
        }
        sum
    }
}

impl Method {
    /// A number that two methods share if a caller of one can call the other.
    ///
    /// | changes it | does not |
    /// | --- | --- |
    /// | the wire name, and so the namespace | the name in Rust |
    /// | how many arguments there are, their order, and their types | their names, a `Context` |
    /// | what it returns, and whether that is a `Result` | whether it is async |
    /// | `at_least_once`, `at_most_once`, `oneway` | the timeout |
    /// | another spelling of a type: `String` for `&str` | lifetimes, documentation |
    ///
    /// Types are compared as text: what changes within a type of another name goes unseen, and type parameters count by
    /// their names.
    ///
    /// It is the 64-bit FNV-1a hash of the wire name, the delivery's name, `fallible` or nothing, the return type and the
    /// type of each argument, each as UTF-8 and followed by a byte `0xff`; in types, a `'`, the name after it, and a space
    /// after that are left out. The hash is mixed by the last steps of SplitMix64, so that sums of several say something.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        let arguments = match &self.arguments {
            Cow::Borrowed(arguments) => arguments,
            Cow::Owned(arguments) => arguments.as_slice(),
        };
        let hash = Fnv::START
            .field(bytes(&self.wire_name))
            .field(self.delivery.as_str().as_bytes())
            .field(if self.fallible { b"fallible" } else { b"" })
            .ty(bytes(&self.returns));
        let mut hash = hash;
        let mut at = 0;
        while at < arguments.len() {
            hash = hash.ty(bytes(&arguments[at].ty));
            at += 1;
        }
        hash.mixed()
    }
}

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
    const fn ty(mut self, text: &[u8]) -> Self {
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

#[expect(clippy::ptr_arg, reason = "a `Cow` does not become a `&str` by itself in a constant")]
const fn bytes<'a>(text: &'a Cow<'static, str>) -> &'a [u8] {
    match text {
        Cow::Borrowed(text) => text.as_bytes(),
        Cow::Owned(text) => text.as_str().as_bytes(),
    }
}
