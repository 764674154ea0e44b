//! The model: a contract without errors. The parser makes it, and the expansion reads it.

use std::time::Duration;

use proc_macro2::{Ident, Span};
use syn::{Attribute, Generics, ItemTrait, Path, TraitItemType, Type, WherePredicate};

use crate::tokens::{find, is_ident};

/// A contract.
pub(crate) struct Contract {
    /// The trait of the expansion: without our attributes, and with methods that return futures in
    /// place of async methods.
    pub(crate) item: ItemTrait,
    /// The path of the crate `rpcudp`.
    pub(crate) krate: Path,
    /// The names of the generated types.
    pub(crate) client: Ident,
    pub(crate) server: Ident,
    /// The name of the trait whose objects implement the contract, if the user asks for one.
    pub(crate) dynamic: Option<Ident>,
    /// The prefix of each wire name.
    pub(crate) namespace: String,
    /// The `#[allow]` attributes of the trait, which the client and the server have too.
    pub(crate) lint_attrs: Vec<Attribute>,
    /// The predicates of the trait's where-clause, except those on `Self`.
    pub(crate) predicates: Vec<WherePredicate>,
    pub(crate) associated_types: Vec<TraitItemType>,
    pub(crate) methods: Vec<Method>,
}

/// A method of a contract.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    /// The name in a request, with the namespace.
    pub(crate) wire_name: String,
    /// The earlier names that the server also accepts, with the namespace.
    pub(crate) aliases: Vec<String>,
    pub(crate) attrs: MethodAttributes,
    /// The lifetime parameters. A method has no other parameters.
    pub(crate) generics: Generics,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) execution: Execution,
    pub(crate) delivery: Delivery,
    pub(crate) timeout: Option<Duration>,
    /// Whether a call asks again while the peer is not ready.
    pub(crate) wait_for_ready: bool,
    /// Whether a call needs a link to a peer with a proven key.
    pub(crate) is_secure: bool,
    /// The name of the pool in which a caller needs a session.
    pub(crate) session: Option<String>,
    pub(crate) returns: Returns,
    /// Whether the value is an `Outflow`, whose items follow the response.
    pub(crate) returns_items: bool,
}

/// The user's attributes of a method that generated code repeats.
#[derive(Default)]
pub(crate) struct MethodAttributes {
    /// The `#[cfg]` attributes, which apply to everything that is generated for the method.
    pub(crate) cfg: Vec<Attribute>,
    /// The other attributes of the client's method: documentation, `#[deprecated]`, `#[allow]`.
    /// Each `#[expect]` is an `#[allow]` here.
    pub(crate) client: Vec<Attribute>,
}

/// The place where the server runs a method.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Execution {
    /// On the receive loop.
    Inline,
    /// In a task: an async method.
    Task,
    /// On a thread that may block.
    BlockingThread,
}

/// The delivery of a method's requests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Maybe,
    AtLeastOnce,
    AtMostOnce,
    OneWay,
}

/// A parameter of a method besides `&self`.
pub(crate) enum Parameter {
    Argument(Argument),
    /// The `Inflow` of the items that follow the request.
    Inflow(Argument),
    /// The context of the request.
    Context {
        by_reference: bool,
        /// Whether the parameter is a `SecureContext`, which only a request over a link has.
        is_secure: bool,
        /// The span of the parameter's type.
        span: Span,
    },
}

/// A parameter that the request carries.
pub(crate) struct Argument {
    /// The name in the client's method.
    pub(crate) ident: Ident,
    /// The name without `r#`.
    pub(crate) name: String,
    /// Whether the user wrote `_` in place of a name.
    pub(crate) is_unnamed: bool,
    pub(crate) ty: Box<Type>,
    pub(crate) passing: Passing,
    /// The span that errors about the type point at.
    pub(crate) span: Span,
}

/// The way in which a decoded argument is passed to the method.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// The decoded value itself, which may borrow from the datagram.
    ByValue,
    /// `&T`: a reference to a decoded `T`.
    ByReference,
    /// `&[T]`: a slice of a decoded `Vec<T>`.
    AsSlice,
    /// `Cow<'_, T>`: borrows from the datagram if the standard library's `Cow` is meant and `T` is
    /// `str` or `[u8]`.
    Cow,
}

/// The return type of a method.
pub(crate) enum Returns {
    /// A value. An alias of `Result` is an error.
    Value(Type),
    /// A value of a type that the user declares to be one, even if it is a `Result`.
    Declared(Type),
    /// A `Result`, or an alias of it.
    Result(Type),
}

impl Returns {
    pub(crate) fn ty(&self) -> &Type {
        match self {
            Self::Value(ty) | Self::Declared(ty) | Self::Result(ty) => ty,
        }
    }
}

impl Contract {
    /// Returns the trait's name without `r#`.
    pub(crate) fn name(&self) -> String {
        unraw(&self.item.ident)
    }
}

impl Method {
    /// Whether the method has the attribute `#[deprecated]`, maybe within a `cfg_attr`.
    pub(crate) fn is_deprecated(&self) -> bool {
        let is_deprecated = |attr| find(attr, &|rest| usize::from(is_ident(&rest[0], "deprecated"))).is_some();
        self.attrs.client.iter().any(is_deprecated)
    }

    pub(crate) fn is_async(&self) -> bool {
        self.execution == Execution::Task
    }

    /// Returns the arguments that the request carries.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Argument> {
        self.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Argument(argument) => Some(argument),
            Parameter::Inflow(_) | Parameter::Context { .. } => None,
        })
    }

    /// Returns the argument whose items follow the request.
    pub(crate) fn inflow(&self) -> Option<&Argument> {
        self.parameters.iter().find_map(|parameter| match parameter {
            Parameter::Inflow(inflow) => Some(inflow),
            _ => None,
        })
    }

    /// Whether items follow the request or the response.
    pub(crate) fn has_stream(&self) -> bool {
        self.returns_items || self.inflow().is_some()
    }
}

/// Returns a name without `r#`.
pub(crate) fn unraw(ident: &Ident) -> String {
    use syn::ext::IdentExt;
    ident.unraw().to_string()
}

/// Returns a span for our own names, which do not clash with the user's. Errors about them point at
/// `at`.
pub(crate) fn hygienic(at: Span) -> Span {
    Span::mixed_site().located_at(at)
}
