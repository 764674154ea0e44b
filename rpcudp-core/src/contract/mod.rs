//! The description of a service: [`Contract`].
//!
//! `#[rpc_service]` generates the contract of a trait as a constant. A contract can be printed as
//! the trait, compared by its [fingerprint](Contract::fingerprint), and sent to a peer:
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

mod definition;
mod definition_display;
mod definition_format;
mod delivery;
mod display;
mod fingerprint;
mod fnv;
mod named;
#[doc(hidden)]
pub mod structure;
pub(crate) mod validation;
mod wire_format;

use std::borrow::Cow;
use std::time::Duration;

pub use definition::{Definition, Field, Fields, Shape, Tagging, Variant};
pub use delivery::Delivery;
pub(crate) use fnv::Fnv;

/// A contract: the methods of a service, as its trait declares them.
///
/// Types are text as written in the source, with the spacing of rustfmt. The definition of a named
/// type is part of the contract only if the type has `#[derive(Schema)]`.
///
/// Each struct is encoded as an array of its fields in order. Decoding ignores additional elements.
/// It fails if a name is not an identifier, or if a type has unbalanced brackets, a comment or
/// invisible characters. It removes invisible characters from documentation. A contract from an
/// untrusted peer is therefore safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The name of the trait. It is not part of requests.
    pub name: Cow<'static, str>,
    /// The prefix of the wire names of all methods.
    pub namespace: Cow<'static, str>,
    /// The documentation. Lines are separated by `\n`.
    pub doc: Cow<'static, str>,
    /// The generic parameters of the trait, as between `<` and `>`.
    pub generics: Cow<'static, str>,
    /// The bounds of the parameters and the associated types, each as after `where`.
    pub bounds: Cow<'static, [Cow<'static, str>]>,
    /// The associated types.
    pub types: Cow<'static, [AssociatedType]>,
    /// The methods, in the order of the trait.
    pub methods: Cow<'static, [Method]>,
    /// The definitions of the types that the methods mention and that have `#[derive(Schema)]`, and
    /// of those that these mention: at most 256. The order is that of their distance.
    pub definitions: Cow<'static, [Definition]>,
}

/// An associated type. Each service defines its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssociatedType {
    /// The name.
    pub name: Cow<'static, str>,
    /// The bounds, as after `:`.
    pub bounds: Cow<'static, str>,
}

/// A method of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// The name in Rust, including a leading `r#`.
    pub name: Cow<'static, str>,
    /// The name in requests, including the namespace.
    pub wire_name: Cow<'static, str>,
    /// The documentation. Lines are separated by `\n`.
    pub doc: Cow<'static, str>,
    /// The arguments of a request.
    pub arguments: Cow<'static, [Argument]>,
    /// The return type. `()` if the trait does not state one.
    pub returns: Cow<'static, str>,
    /// Whether the method returns a `Result` whose error is sent to the caller.
    pub fallible: bool,
    /// The treatment of lost and duplicated requests.
    pub delivery: Delivery,
    /// The timeout of a call, if the contract sets one.
    pub timeout: Option<Duration>,
    /// Whether the method is an `async fn`.
    pub is_async: bool,
    /// Whether a call asks again, within its timeout, while the peer is not ready.
    pub wait_for_ready: bool,
    /// The earlier names that the server also accepts in requests, including the namespace.
    pub aliases: Cow<'static, [Cow<'static, str>]>,
    /// Whether the server runs the method on a thread that may block.
    pub is_blocking: bool,
    /// Whether a call needs a link to a peer with a proven key.
    pub is_secure: bool,
    /// The pool in which the caller needs a session, with an empty name for the default pool.
    pub session: Option<Cow<'static, str>>,
    /// A hash of the definitions that the types of the method lead to. 0 if none has
    /// `#[derive(Schema)]`.
    pub structure: u64,
}

/// An argument of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The name, including a leading `r#`.
    pub name: Cow<'static, str>,
    /// The type.
    pub ty: Cow<'static, str>,
}

impl Contract {
    /// A contract without a name and methods, for struct update syntax.
    pub const EMPTY: Self = Self {
        name: Cow::Borrowed(""),
        namespace: Cow::Borrowed(""),
        doc: Cow::Borrowed(""),
        generics: Cow::Borrowed(""),
        bounds: Cow::Borrowed(&[]),
        types: Cow::Borrowed(&[]),
        methods: Cow::Borrowed(&[]),
        definitions: Cow::Borrowed(&[]),
    };
}

impl Method {
    /// A method without a name, arguments and return value, for struct update syntax.
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
        wait_for_ready: false,
        aliases: Cow::Borrowed(&[]),
        is_blocking: false,
        is_secure: false,
        session: None,
        structure: 0,
    };
}

#[cfg(test)]
mod definition_tests;
#[cfg(test)]
mod tests;
