mod conveniences;
mod method;

use proc_macro2::TokenStream;
use quote::quote;

use crate::expand::description;
use crate::expand::generics::{self, TypeGenerics};
use crate::expand::names::Names;
use crate::model::Contract;

/// The client: a struct with a method for each of the contract's, which encodes its arguments and makes a call.
///
/// ```text
/// pub struct GreeterClient { stub: Stub, ... }
///
/// impl GreeterClient {
///     pub fn new(via: &impl AsEndpoint, peer: SocketAddr) -> Self { ... }
///     pub fn sayhi(&self, name: &str) -> Call<String> {
///         self.stub.request(&SPEC).argument(&name).call()
///     }
/// }
/// ```
pub(in crate::expand) fn client(contract: &Contract, names: &Names) -> TokenStream {
    let krate = &contract.krate;
    let vis = &contract.item.vis;
    let client = contract.client_ident();
    let TypeGenerics { of_type, declared, used, bounded, predicates, marker } = generics::client(contract, names);
    let name = contract.item.ident.to_string();
    let about = format!("Calls the methods of a [`{name}`] that some peer serves.");
    let methods = contract.methods.iter().map(|method| method::method(contract, method, names));
    let conveniences = conveniences::conveniences(contract);
    let description = description::description(contract);
    let allowed = &contract.lint_attrs;
    quote! {
        #[doc = #about]
        #(#allowed)*
        #vis struct #client<#of_type> {
            stub: #krate::__private::Stub,
            contract: ::core::marker::PhantomData<fn() -> (#marker)>,
        }

        impl<#declared> #client<#used> {
            #conveniences
        }

        #(#allowed)*
        #[allow(
            single_use_lifetimes,
            clippy::all,
            clippy::pedantic,
            reason = "the user's signatures, which are linted on the trait"
        )]
        impl<#bounded> #client<#used> where #predicates {
            #(#methods)*
        }

        impl<#declared> #krate::Client for #client<#used> {
            const CONTRACT: &'static #krate::__private::contract::Contract = #description;

            fn from_stub(stub: #krate::__private::Stub) -> Self {
                Self { stub, contract: ::core::marker::PhantomData }
            }

            fn stub(&self) -> &#krate::__private::Stub {
                &self.stub
            }
        }

        impl<#declared> ::core::clone::Clone for #client<#used> {
            fn clone(&self) -> Self {
                #krate::Client::from_stub(::core::clone::Clone::clone(&self.stub))
            }
        }

        impl<#declared> ::core::fmt::Debug for #client<#used> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #krate::__private::Stub::describe(&self.stub, ::core::stringify!(#client), f)
            }
        }
    }
}
