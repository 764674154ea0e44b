//! The parameters of what is generated: those of the trait, and for the client its associated types.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{GenericParam, Generics, TraitItemType};

use crate::model::{Service, unraw};
use crate::tokens::{is_ident, is_punct, replace_self};

/// The generics of a generated type.
pub(super) struct TypeGenerics {
    /// As a declaration has them that needs no bounds: `K, const N: usize`.
    pub(super) declared: TokenStream,
    /// As a use has them: `K, N`.
    pub(super) used: TokenStream,
    /// With bounds, for an implementation that needs them: `K: Eq, const N: usize`.
    pub(super) bounded: TokenStream,
    /// The predicates that go with `bounded`, each followed by a comma.
    pub(super) predicates: TokenStream,
    /// A type that names every type parameter and is `Send` and `Sync` whatever they are.
    pub(super) marker: TokenStream,
}

/// The parameter of the client that an associated type becomes.
///
/// Its name is made up: the type's own might hide another type that a method mentions.
pub(super) fn associated_parameter(name: &Ident) -> Ident {
    format_ident!("__Self{}", unraw(name), span = name.span())
}

/// In the client, `Self::Name` is the parameter that stands for it.
pub(super) fn for_client(tokens: &impl ToTokens) -> TokenStream {
    replace_self(tokens.to_token_stream(), &|name| associated_parameter(name).into_token_stream())
}

/// The generics of the client.
pub(super) fn client(service: &Service) -> TypeGenerics {
    let mut generics = of_trait(&service.contract.generics, &|tokens| for_client(&tokens));
    for item in &service.associated {
        let TraitItemType { ident, bounds, .. } = item;
        let parameter = associated_parameter(ident);
        let bounds = for_client(bounds);
        generics.declared.extend(quote!(#parameter,));
        generics.used.extend(quote!(#parameter,));
        generics.bounded.extend(quote!(#parameter: #bounds,));
        generics.marker.extend(quote!(::core::marker::PhantomData<#parameter>,));
    }
    generics
}

/// The generics of the server, for a service of type `implementation`.
pub(super) fn server(service: &Service, implementation: &Ident) -> TypeGenerics {
    of_trait(&service.contract.generics, &|tokens| {
        // `Self::Name` is `<S as Trait>::Name`, which the bound on the service makes unambiguous.
        replace_self(tokens, &|name| quote!(#implementation::#name))
    })
}

fn of_trait(generics: &Generics, map: &impl Fn(TokenStream) -> TokenStream) -> TypeGenerics {
    let mut out = TypeGenerics {
        declared: TokenStream::new(),
        used: TokenStream::new(),
        bounded: TokenStream::new(),
        predicates: TokenStream::new(),
        marker: TokenStream::new(),
    };
    for parameter in &generics.params {
        match parameter {
            GenericParam::Type(parameter) => {
                let ident = &parameter.ident;
                let bounds = map(parameter.bounds.to_token_stream());
                out.declared.extend(quote!(#ident,));
                out.used.extend(quote!(#ident,));
                out.bounded.extend(quote!(#ident: #bounds,));
                out.marker.extend(quote!(::core::marker::PhantomData<#ident>,));
            }
            GenericParam::Const(parameter) => {
                let (ident, ty) = (&parameter.ident, &parameter.ty);
                out.declared.extend(quote!(const #ident: #ty,));
                out.used.extend(quote!(#ident,));
                out.bounded.extend(quote!(const #ident: #ty,));
            }
            // A contract has no lifetime parameters.
            GenericParam::Lifetime(_) => {}
        }
    }
    let predicates = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    for predicate in predicates {
        let predicate = predicate.to_token_stream();
        // What is said of the implementation itself is said of neither relative.
        if !is_about_self(&predicate) {
            let predicate = map(predicate);
            out.predicates.extend(quote!(#predicate,));
        }
    }
    out
}

/// Whether a predicate is about the implementation itself, as `Self: Sync` is, and not about one of its types.
fn is_about_self(predicate: &TokenStream) -> bool {
    let first: Vec<_> = predicate.clone().into_iter().take(3).collect();
    match &first[..] {
        [this, _, second_colon] => is_ident(this, "Self") && !is_punct(second_colon, ':'),
        [this, ..] => is_ident(this, "Self"),
        [] => false,
    }
}
