//! The generics of the generated types: the trait's own, for the client also a parameter for each
//! associated type, and for the server one for the service.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{ConstParam, GenericParam, TraitItemType, TypeParam};

use super::names::Names;
use crate::model::Contract;
use crate::tokens::{located_at, replace_self_types};

/// The generics of a generated type. Its methods return `None` for an empty list.
#[derive(Default)]
pub(super) struct TypeGenerics {
    declaration: Vec<TokenStream>,
    unbounded: Vec<TokenStream>,
    bounded: Vec<TokenStream>,
    arguments: Vec<TokenStream>,
    predicates: Vec<TokenStream>,
    phantoms: Vec<Ident>,
}

/// Returns the generics of the client.
pub(super) fn client(contract: &Contract, names: &Names) -> TypeGenerics {
    let map = |tokens: TokenStream| for_client(&tokens, names);
    let mut generics = TypeGenerics::default();
    for parameter in client_parameters(contract) {
        match parameter {
            Parameter::Declared(parameter) => generics.parameter(parameter, &map),
            Parameter::Associated(item) => {
                let bounds = map(item.bounds.to_token_stream());
                generics.type_parameter(&TypeParam::from(names.associated_type(&item.ident)), &bounds);
            }
        }
    }
    generics.predicates(contract, &map);
    generics
}

/// Returns the generics of the server: the service, then the trait's parameters.
pub(super) fn server(contract: &Contract, names: &Names) -> TypeGenerics {
    let service = names.service();
    // `Self::Name` is `<S as Trait>::Name`, which the bound on the service makes unambiguous.
    let map = |tokens| replace_self_types(tokens, &|name| quote!(#service::#name));
    let unsized_service = vec![quote!(#service: ?::core::marker::Sized)];
    let mut generics = TypeGenerics {
        declaration: unsized_service.clone(),
        unbounded: unsized_service.clone(),
        bounded: unsized_service,
        arguments: vec![quote!(#service)],
        ..TypeGenerics::default()
    };
    for parameter in &contract.item.generics.params {
        generics.parameter(parameter, &map);
    }
    let (trait_ident, trait_generics) = (located_at(&contract.item.ident, Span::call_site()), of_trait(contract));
    generics.predicates.push(quote! {
        #service: #trait_ident #trait_generics + ::core::marker::Send + ::core::marker::Sync + 'static
    });
    generics.predicates.extend(contract.item.generics.type_params().map(|parameter| {
        let ident = &parameter.ident;
        quote!(#ident: 'static)
    }));
    generics.predicates(contract, &map);
    generics
}

/// Returns the generics of the impl that makes each service an object of the contract.
pub(super) fn dynamic_of_service(contract: &Contract, names: &Names) -> TypeGenerics {
    let service = names.service();
    let map = |tokens| replace_self_types(tokens, &|name| quote!(#service::#name));
    let mut generics = TypeGenerics { bounded: vec![quote!(#service)], ..TypeGenerics::default() };
    for parameter in &contract.item.generics.params {
        generics.parameter(parameter, &map);
    }
    let (trait_ident, trait_generics) = (&contract.item.ident, of_trait(contract));
    generics.predicates.push(quote! {
        #service: #trait_ident #trait_generics + ::core::marker::Send + ::core::marker::Sync + 'static
    });
    generics.static_parameters();
    generics.predicates(contract, &map);
    generics
}

/// Returns the generics of the impl of the contract for its objects: those of the client.
pub(super) fn object(contract: &Contract, names: &Names) -> TypeGenerics {
    let mut generics = client(contract, names);
    generics.static_parameters();
    generics
}

/// Returns the arguments of the trait in the type of an object: `<K, Value = Value>`.
pub(super) fn object_arguments(contract: &Contract, names: &Names) -> Option<TokenStream> {
    let mut generics = TypeGenerics::default();
    for parameter in &contract.item.generics.params {
        generics.parameter(parameter, &|tokens| tokens);
    }
    for TraitItemType { ident, .. } in &contract.associated_types {
        let parameter = names.associated_type(ident);
        generics.arguments.push(quote!(#ident = #parameter));
    }
    generics.ty_generics()
}

/// Returns the arguments of the client that belongs to a server: for its associated types, those of
/// the service.
///
/// ```text
/// <K, <S as Store<K>>::Value>
/// ```
pub(super) fn client_of_server(contract: &Contract, names: &Names) -> Option<TokenStream> {
    let service = names.service();
    let (trait_ident, trait_generics) = (&contract.item.ident, of_trait(contract));
    let mut generics = TypeGenerics::default();
    for parameter in client_parameters(contract) {
        match parameter {
            Parameter::Declared(parameter) => generics.parameter(parameter, &|tokens| tokens),
            Parameter::Associated(TraitItemType { ident, .. }) => {
                generics.arguments.push(quote!(<#service as #trait_ident #trait_generics>::#ident));
            }
        }
    }
    generics.ty_generics()
}

/// Returns arguments for the client, with which it is a type: `::<(), ()>`.
pub(super) fn any_client(contract: &Contract) -> Option<TokenStream> {
    let arguments = client_parameters(contract).into_iter().map(|parameter| match parameter {
        Parameter::Declared(parameter) => any_argument(contract, parameter),
        Parameter::Associated(_) => quote!(()),
    });
    angle_bracketed(&arguments.collect::<Vec<_>>()).map(|arguments| quote!(::#arguments))
}

/// Returns arguments for the server, as for the client.
pub(super) fn any_server(contract: &Contract) -> Option<TokenStream> {
    let mut arguments = vec![quote!(())];
    arguments.extend(contract.item.generics.params.iter().map(|parameter| any_argument(contract, parameter)));
    angle_bracketed(&arguments).map(|arguments| quote!(::#arguments))
}

fn any_argument(contract: &Contract, parameter: &GenericParam) -> TokenStream {
    let krate = &contract.krate;
    match parameter {
        GenericParam::Const(ConstParam { ty, .. }) => quote!({ <#ty as #krate::__private::ConstParameter>::ANY }),
        _ => quote!(()),
    }
}

/// Returns the arguments of the trait: `<K, N>`.
pub(super) fn of_trait(contract: &Contract) -> Option<TokenStream> {
    let mut generics = TypeGenerics::default();
    for parameter in &contract.item.generics.params {
        generics.parameter(parameter, &|tokens| tokens);
    }
    generics.ty_generics()
}

/// Replaces `Self::Name` by the client's parameter for it.
pub(super) fn for_client(tokens: &impl ToTokens, names: &Names) -> TokenStream {
    replace_self_types(tokens.to_token_stream(), &|name| names.associated_type(name).into_token_stream())
}

impl TypeGenerics {
    /// Returns the parameters of the type's declaration: `<S: ?Sized, K = u32, const N: usize>`.
    pub(super) fn declaration_generics(&self) -> Option<TokenStream> {
        angle_bracketed(&self.declaration)
    }

    /// Returns the parameters of an impl that needs no bounds: `<S: ?Sized, K, const N: usize>`.
    pub(super) fn impl_generics(&self) -> Option<TokenStream> {
        angle_bracketed(&self.unbounded)
    }

    /// Returns the parameters of an impl with bounds: `<S: ?Sized, K: Eq, const N: usize>`.
    pub(super) fn bounded_impl_generics(&self) -> Option<TokenStream> {
        angle_bracketed(&self.bounded)
    }

    /// Returns the arguments of the type: `<S, K, N>`.
    pub(super) fn ty_generics(&self) -> Option<TokenStream> {
        angle_bracketed(&self.arguments)
    }

    /// Returns the where-clause of an impl with bounds.
    pub(super) fn where_clause(&self) -> Option<TokenStream> {
        let predicates = &self.predicates;
        (!predicates.is_empty()).then(|| quote!(where #(#predicates),*))
    }

    /// Returns the type of a field that uses every type parameter of the trait, if it has any. The
    /// type is `Send` and `Sync` for all parameters.
    pub(super) fn phantom_type(&self) -> Option<TokenStream> {
        let phantoms = &self.phantoms;
        (!phantoms.is_empty()).then(|| quote!(::core::marker::PhantomData<fn() -> (#(#phantoms,)*)>))
    }

    fn parameter(&mut self, parameter: &GenericParam, map: &impl Fn(TokenStream) -> TokenStream) {
        match parameter {
            GenericParam::Type(parameter) => {
                let bounds = map(parameter.bounds.to_token_stream());
                self.type_parameter(parameter, &bounds);
            }
            GenericParam::Const(parameter) => {
                let (ident, ty) = (&parameter.ident, &parameter.ty);
                let default = parameter.default.as_ref().map(|(equals, value)| quote!(#equals #value));
                self.declaration.push(quote!(const #ident: #ty #default));
                self.unbounded.push(quote!(const #ident: #ty));
                self.bounded.push(quote!(const #ident: #ty));
                // In braces, because a type of the same name would be taken for a type argument.
                self.arguments.push(quote!({ #ident }));
            }
            // A contract has no lifetime parameters.
            GenericParam::Lifetime(_) => {}
        }
    }

    fn type_parameter(&mut self, parameter: &TypeParam, bounds: &TokenStream) {
        let ident = &parameter.ident;
        let default = parameter.default.as_ref().map(|(equals, ty)| quote!(#equals #ty));
        let bounds = (!bounds.is_empty()).then(|| quote!(: #bounds));
        self.declaration.push(quote!(#ident #default));
        self.unbounded.push(quote!(#ident));
        self.bounded.push(quote!(#ident #bounds));
        self.arguments.push(quote!(#ident));
        self.phantoms.push(ident.clone());
    }

    /// Requires each type parameter of the trait to own its data, as a boxed future does.
    fn static_parameters(&mut self) {
        self.predicates.extend(self.phantoms.iter().map(|parameter| quote!(#parameter: 'static)));
    }

    fn predicates(&mut self, contract: &Contract, map: &impl Fn(TokenStream) -> TokenStream) {
        self.predicates.extend(contract.predicates.iter().map(|predicate| map(predicate.to_token_stream())));
    }
}

fn angle_bracketed(items: &[TokenStream]) -> Option<TokenStream> {
    (!items.is_empty()).then(|| quote!(<#(#items),*>))
}

/// A parameter of the client.
enum Parameter<'a> {
    Declared(&'a GenericParam),
    Associated(&'a TraitItemType),
}

/// Returns the trait's parameters, then the associated types, then the parameters with a default,
/// which must be last.
fn client_parameters(contract: &Contract) -> Vec<Parameter<'_>> {
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
