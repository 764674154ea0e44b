//! A contract that has been read: everything in here is legal.

use std::time::Duration;

use proc_macro2::{Ident, Span};
use syn::{Attribute, Generics, ItemTrait, Path, TraitItemType, Type, WherePredicate};

/// A contract.
pub(crate) struct Contract {
    /// The trait as it is given back: without our attributes, and with async methods that return futures.
    pub(crate) item: ItemTrait,
    /// Where the crate `rpcudp` is.
    pub(crate) krate: Path,
    /// What comes before each wire name.
    pub(crate) namespace: String,
    /// What the user allows on the trait, and so on its relatives.
    pub(crate) lint_attrs: Vec<Attribute>,
    /// The predicates of the trait's where-clause, except those on `Self`.
    pub(crate) predicates: Vec<WherePredicate>,
    pub(crate) associated_types: Vec<TraitItemType>,
    pub(crate) methods: Vec<Method>,
}

pub(crate) struct Method {
    pub(crate) ident: Ident,
    pub(crate) wire_name: String,
    pub(crate) attrs: MethodAttributes,
    /// Lifetimes only.
    pub(crate) generics: Generics,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) is_async: bool,
    pub(crate) delivery: Delivery,
    pub(crate) timeout: Option<Duration>,
    pub(crate) returns: Returns,
}

/// The user's attributes of a method that its relatives share.
#[derive(Default)]
pub(crate) struct MethodAttributes {
    /// `#[cfg]`: whatever is generated for the method exists only if it does.
    pub(crate) cfg: Vec<Attribute>,
    /// What the client's method has besides: documentation, `#[deprecated]`, `#[allow]`. None is an `#[expect]`.
    pub(crate) client: Vec<Attribute>,
}

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
    /// The request's context.
    Context {
        by_reference: bool,
        /// Where its type is.
        span: Span,
    },
}

/// What travels.
pub(crate) struct Argument {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) ty: Box<Type>,
    pub(crate) passing: Passing,
    /// Where an error about its type is to point.
    pub(crate) span: Span,
}

/// How an argument gets from the datagram to the method.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// As it is decoded: by value, or borrowed from the datagram.
    ByValue,
    /// `&T`: a `T` is decoded and lent.
    ByReference,
    /// `&[T]`: a `Vec<T>` is decoded and lent.
    AsSlice,
}

/// What a method returns.
pub(crate) enum Returns {
    Value(Type),
    /// A `Result`, under whatever alias.
    Result(Type),
}

impl Returns {
    pub(crate) fn ty(&self) -> &Type {
        match self {
            Self::Value(ty) | Self::Result(ty) => ty,
        }
    }
}

impl Contract {
    pub(crate) fn client_ident(&self) -> Ident {
        self.sibling_ident("Client")
    }

    pub(crate) fn server_ident(&self) -> Ident {
        self.sibling_ident("Server")
    }

    /// The trait's name without `r#`.
    pub(crate) fn name(&self) -> String {
        unraw(&self.item.ident)
    }

    fn sibling_ident(&self, suffix: &str) -> Ident {
        Ident::new(&format!("{}{suffix}", self.name()), self.item.ident.span())
    }
}

impl Method {
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Argument> {
        self.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Argument(argument) => Some(argument),
            Parameter::Context { .. } => None,
        })
    }
}

/// A name without `r#`.
pub(crate) fn unraw(ident: &Ident) -> String {
    use syn::ext::IdentExt;
    ident.unraw().to_string()
}

/// For names that the user's cannot collide with, placed where errors are to point.
pub(crate) fn hygienic(at: Span) -> Span {
    Span::mixed_site().located_at(at)
}
