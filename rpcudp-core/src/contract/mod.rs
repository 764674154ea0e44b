//! What a service says of itself: [`Contract`].
//!
//! `#[rpc_service]` makes one of a trait, as a constant. It can be printed as that trait, compared by a
//! [fingerprint](Contract::fingerprint), and sent to somebody who does not have it:
//!
//! ```
//! use std::borrow::Cow;
//!
//! use rpcudp_core::codec;
//! use rpcudp_core::contract::{Argument, Contract, Delivery, Method};
//!
//! const CLOCK: &Contract = &Contract {
//!     name: Cow::Borrowed("Clock"),
//!     methods: {
//!         const METHODS: &[Method] = &[Method {
//!             name: Cow::Borrowed("set"),
//!             wire_name: Cow::Borrowed("clock.set"),
//!             doc: Cow::Borrowed("Sets the time, in seconds after midnight."),
//!             arguments: {
//!                 const ARGUMENTS: &[Argument] =
//!                     &[Argument { name: Cow::Borrowed("time"), ty: Cow::Borrowed("u32") }];
//!                 Cow::Borrowed(ARGUMENTS)
//!             },
//!             delivery: Delivery::AtLeastOnce,
//!             ..Method::EMPTY
//!         }];
//!         Cow::Borrowed(METHODS)
//!     },
//!     namespace: Cow::Borrowed("clock."),
//!     ..Contract::EMPTY
//! };
//!
//! let printed = r#"#[rpc_service(namespace = "clock.")]
//! pub trait Clock {
//!     /// Sets the time, in seconds after midnight.
//!     #[rpc(at_least_once)]
//!     fn set(&self, time: u32);
//! }
//! "#;
//! assert_eq!(CLOCK.to_string(), printed);
//!
//! let mut bytes = Vec::new();
//! codec::encode(&mut bytes, CLOCK)?;
//! let received: Contract = codec::decode(&bytes)?;
//! assert_eq!(&received, CLOCK);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod delivery;
mod display;
mod fingerprint;
mod fnv;
pub(crate) mod validation;
mod wire_format;

use std::borrow::Cow;
use std::time::Duration;

pub use delivery::Delivery;
pub(crate) use fnv::Fnv;

/// A contract: the methods that a service has, as its trait declares them.
///
/// Types are text, spaced as rustfmt does, otherwise as they were written: what a named type consists of is not in it.
///
/// As data, each of these is an array of its fields in their order. What is read may have more elements, which are
/// ignored; it is refused where a name is none, a type has unbalanced brackets or a comment, or text has characters that
/// cannot be seen, so that one from a stranger can be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The name of the trait. It does not travel in calls.
    pub name: Cow<'static, str>,
    /// What comes before the wire name of every method.
    pub namespace: Cow<'static, str>,
    /// What its documentation says; lines end with `\n`.
    pub doc: Cow<'static, str>,
    /// The parameters of the trait, as between `<` and `>`.
    pub generics: Cow<'static, str>,
    /// What is said of the parameters and the associated types, each as after `where`.
    pub bounds: Cow<'static, [Cow<'static, str>]>,
    /// Its associated types.
    pub types: Cow<'static, [AssociatedType]>,
    /// Its methods, in the order of the trait.
    pub methods: Cow<'static, [Method]>,
}

/// A type that each service chooses for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssociatedType {
    /// Its name.
    pub name: Cow<'static, str>,
    /// What it has to be, as after `:`.
    pub bounds: Cow<'static, str>,
}

/// A method of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its name in Rust, with `r#` where it has one.
    pub name: Cow<'static, str>,
    /// Its name in a request, with the namespace.
    pub wire_name: Cow<'static, str>,
    /// What its documentation says; lines end with `\n`.
    pub doc: Cow<'static, str>,
    /// What a request carries.
    pub arguments: Cow<'static, [Argument]>,
    /// What it returns, `()` where it says nothing.
    pub returns: Cow<'static, str>,
    /// Whether it returns a `Result`, whose error reaches the caller.
    pub fallible: bool,
    /// What becomes of a request that is lost or comes twice.
    pub delivery: Delivery,
    /// How long a call waits for the answer, where the contract says.
    pub timeout: Option<Duration>,
    /// Whether it is an `async fn`.
    pub is_async: bool,
}

/// An argument of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name, with `r#` where it has one.
    pub name: Cow<'static, str>,
    /// Its type.
    pub ty: Cow<'static, str>,
}

impl Contract {
    /// One without a name and without methods, to start from.
    pub const EMPTY: Self = Self {
        name: Cow::Borrowed(""),
        namespace: Cow::Borrowed(""),
        doc: Cow::Borrowed(""),
        generics: Cow::Borrowed(""),
        bounds: Cow::Borrowed(&[]),
        types: Cow::Borrowed(&[]),
        methods: Cow::Borrowed(&[]),
    };
}

impl Method {
    /// One without a name that takes and returns nothing, to start from.
    pub const EMPTY: Self = Self {
        name: Cow::Borrowed(""),
        wire_name: Cow::Borrowed(""),
        doc: Cow::Borrowed(""),
        arguments: Cow::Borrowed(&[]),
        returns: Cow::Borrowed("()"),
        fallible: false,
        delivery: Delivery::Maybe,
        timeout: None,
        is_async: false,
    };
}

#[cfg(test)]
mod tests;
