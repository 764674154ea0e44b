//! The parameters of what is generated: those of the trait, and for the client its associated types.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{GenericParam, TraitItemType, TypeParam};

use super::names::Names;
use crate::model::Contract;
use crate::tokens::replace_self_types;

/// The generics of a generated type.
#[derive(Default)]
pub(super) struct TypeGenerics {
    /// As the type itself declares them: `S: ?Sized, K = u32, const N: usize`.
    pub(super) of_type: TokenStream,
    /// As an implementation declares them that needs no bounds: `S: ?Sized, K, const N: usize`.
    pub(super) declared: TokenStream,
    /// As a use has them: `S, K, N`.
    pub(super) used: TokenStream,
    /// With bounds, for an implementation that needs them: `S: ?Sized, K: Eq, const N: usize`.
    pub(super) bounded: TokenStream,
    /// The predicates that go with `bounded`, each followed by a comma.
    pub(super) predicates: TokenStream,
    /// A type that names every type parameter of the trait and is `Send` and `Sync` whatever they are.
    pub(super) marker: TokenStream,
}

/// The generics of the client.
pub(super) fn client(contract: &Contract, names: &Names) -> TypeGenerics {
    let map = |tokens: TokenStream| for_client(&tokens, names);
    let mut generics = TypeGenerics::default();
    for parameter in parameters_of_client(contract) {
        match parameter {
            Parameter::Declared(parameter) => generics.parameter(parameter, &map),
            Parameter::Associated(item) => {
                let bounds = map(item.bounds.to_token_stream());
                generics.type_parameter(&TypeParam::from(names.associated(&item.ident)), &bounds);
            }
        }
    }
    generics.predicates(contract, &map);
    generics
}

/// The arguments of the client that goes with a server: for its associated types, those of the service.
pub(super) fn client_of_server(contract: &Contract, names: &Names) -> TokenStream {
    let service = names.service();
    let (trait_ident, arguments) = (&contract.item.ident, of_contract(contract));
    let mut generics = TypeGenerics::default();
    for parameter in parameters_of_client(contract) {
        match parameter {
            Parameter::Declared(parameter) => generics.parameter(parameter, &|tokens| tokens),
            Parameter::Associated(TraitItemType { ident, .. }) => {
                generics.used.extend(quote!(<#service as #trait_ident<#arguments>>::#ident,));
            }
        }
    }
    generics.used
}

/// The generics of the server, whose first parameter is the service.
pub(super) fn server(contract: &Contract, names: &Names) -> TypeGenerics {
    let service = names.service();
    // `Self::Name` is `<S as Trait>::Name`, which the bound on the service makes unambiguous.
    let map = |tokens| replace_self_types(tokens, &|name| quote!(#service::#name));
    let sized_or_not = quote!(#service: ?::core::marker::Sized,);
    let mut generics = TypeGenerics {
        of_type: sized_or_not.clone(),
        declared: sized_or_not.clone(),
        used: quote!(#service,),
        bounded: sized_or_not,
        ..TypeGenerics::default()
    };
    for parameter in &contract.item.generics.params {
        generics.parameter(parameter, &map);
    }
    generics.predicates(contract, &map);
    generics
}

/// The trait's parameters as a use has them: `K, N`.
pub(super) fn of_contract(contract: &Contract) -> TokenStream {
    let mut generics = TypeGenerics::default();
    for parameter in &contract.item.generics.params {
        generics.parameter(parameter, &|tokens| tokens);
    }
    generics.used
}

/// In the client, `Self::Name` is the parameter that stands for it.
pub(super) fn for_client(tokens: &impl ToTokens, names: &Names) -> TokenStream {
    replace_self_types(tokens.to_token_stream(), &|name| names.associated(name).into_token_stream())
}

impl TypeGenerics {
    fn parameter(&mut self, parameter: &GenericParam, map: &impl Fn(TokenStream) -> TokenStream) {
        match parameter {
            GenericParam::Type(parameter) => {
                let bounds = map(parameter.bounds.to_token_stream());
                self.type_parameter(parameter, &bounds);
            }
            GenericParam::Const(parameter) => {
                let (ident, ty) = (&parameter.ident, &parameter.ty);
                let default = parameter.default.as_ref().map(|(equals, value)| quote!(#equals #value));
                self.of_type.extend(quote!(const #ident: #ty #default,));
                self.declared.extend(quote!(const #ident: #ty,));
                self.used.extend(quote!(#ident,));
                self.bounded.extend(quote!(const #ident: #ty,));
            }
            // A contract has no lifetime parameters.
            GenericParam::Lifetime(_) => {}
        }
    }

    fn type_parameter(&mut self, parameter: &TypeParam, bounds: &TokenStream) {
        let ident = &parameter.ident;
        let default = parameter.default.as_ref().map(|(equals, ty)| quote!(#equals #ty));
        self.of_type.extend(quote!(#ident #default,));
        self.declared.extend(quote!(#ident,));
        self.used.extend(quote!(#ident,));
        self.bounded.extend(quote!(#ident: #bounds,));
        self.marker.extend(quote!(::core::marker::PhantomData<#ident>,));
    }

    fn predicates(&mut self, contract: &Contract, map: &impl Fn(TokenStream) -> TokenStream) {
        for predicate in &contract.predicates {
            let predicate = map(predicate.to_token_stream());
            self.predicates.extend(quote!(#predicate,));
        }
    }
}

/// What becomes a parameter of the client.
enum Parameter<'a> {
    Declared(&'a GenericParam),
    Associated(&'a TraitItemType),
}

/// The associated types follow the trait's parameters, but those with a default are last, where they have to be.
fn parameters_of_client(contract: &Contract) -> Vec<Parameter<'_>> {
    let declared = contract.item.generics.params.iter();
    let (last, first): (Vec<_>, Vec<_>) = declared.partition(|parameter| has_default(parameter));
    let (first, last) = (first.into_iter().map(Parameter::Declared), last.into_iter().map(Parameter::Declared));
    first.chain(contract.associated_types.iter().map(Parameter::Associated)).chain(last).collect()
}

fn has_default(parameter: &GenericParam) -> bool {
    match parameter {
        GenericParam::Type(parameter) => parameter.default.is_some(),
        GenericParam::Const(parameter) => parameter.default.is_some(),
        GenericParam::Lifetime(_) => false,
    }
}
