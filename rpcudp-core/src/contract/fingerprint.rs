use std::borrow::Cow;

use super::fnv::Fnv;
use super::{Contract, Method};

impl Contract {
    /// Returns the fingerprint of the contract, a number that is equal for contracts with the same
    /// methods. Use it for a quick comparison of two peers.
    ///
    /// The fingerprint is the wrapping sum of [`Method::fingerprint`] over all methods, so it does
    /// not depend on their order. The name, documentation, bounds and parameters of the trait do
    /// not affect it. Adding or removing a method changes it, although calls to the other methods
    /// still work; compare the methods to see that.
    ///
    /// The fingerprint is the same in every version of this crate, and can be computed at compile
    /// time. It gives no protection against a peer that forges a contract with the same
    /// fingerprint.
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
    /// Returns the fingerprint of the method, a number that is equal for methods if callers of one
    /// can call the other.
    ///
    /// | changes it | does not change it |
    /// | --- | --- |
    /// | the wire name, and so the namespace | the name in Rust, aliases |
    /// | the number, order and types of the arguments | their names, a `Context` |
    /// | the return type, and whether it is a `Result` | `async`, `blocking`, `session` |
    /// | `at_least_once`, `at_most_once`, `oneway`, `secure` | the timeout, `wait_for_ready` |
    /// | another spelling of a type: `String` for `&str` | lifetimes, documentation |
    /// | another definition of a type with `#[derive(Schema)]` | another definition of another type |
    ///
    /// Types are compared as text, and by their definition if they have `#[derive(Schema)]`. Type
    /// parameters count by name.
    ///
    /// The fingerprint is the 64-bit FNV-1a hash of these fields: the wire name, the name of the
    /// delivery, `fallible` or the empty string, the return type, the type of each argument, and
    /// `#secure` if the method is `secure`.
    /// Each field is UTF-8 and followed by a byte `0xff`. In types, each `'`, the name after it,
    /// and a space after that are left out. The eight bytes of [`structure`](Self::structure)
    /// follow, little-endian, unless it is 0. The finalizer of SplitMix64 then mixes the hash, so
    /// that sums of hashes are meaningful.
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
            .type_text(bytes(&self.returns));
        let mut hash = hash;
        let mut at = 0;
        while at < arguments.len() {
            hash = hash.type_text(bytes(&arguments[at].ty));
            at += 1;
        }
        if self.is_secure {
            // No type begins like this.
            hash = hash.field(b"#secure");
        }
        if self.structure != 0 {
            hash = hash.number(self.structure);
        }
        hash.finish()
    }
}

#[expect(clippy::ptr_arg, reason = "a constant function cannot dereference a `Cow`")]
pub(super) const fn bytes<'a>(text: &'a Cow<'static, str>) -> &'a [u8] {
    match text {
        Cow::Borrowed(text) => text.as_bytes(),
        Cow::Owned(text) => text.as_str().as_bytes(),
    }
}
