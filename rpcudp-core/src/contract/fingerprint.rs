use std::borrow::Cow;

use super::fnv::Fnv;
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

#[expect(clippy::ptr_arg, reason = "a `Cow` does not become a `&str` by itself in a constant")]
const fn bytes<'a>(text: &'a Cow<'static, str>) -> &'a [u8] {
    match text {
        Cow::Borrowed(text) => text.as_bytes(),
        Cow::Owned(text) => text.as_str().as_bytes(),
    }
}
