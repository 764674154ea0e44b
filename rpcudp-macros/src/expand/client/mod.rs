mod inherent;
mod method;

pub(in crate::expand) use inherent::names as inherent_names;
use quote::quote;

use crate::expand::names::Names;
use crate::expand::{Generated, description, generics};
use crate::model::Contract;

/// Writes the client: a struct with the methods of the contract. Each of them encodes its arguments
/// and makes a call.
///
/// ```text
/// pub struct GreeterClient {
///     stub: Stub,
/// }
///
/// impl GreeterClient {
///     pub fn new(via: &impl AsEndpoint, peer: SocketAddr) -> Self {
///         <Self as Client>::new(via, peer)
///     }
/// }
///
/// impl GreeterClient {
///     pub fn sayhi(&self, name: &str) -> Call<String> {
///         static SPEC: CallSpec = CallSpec::new("sayhi", 1, Delivery::Maybe, None);
///         Stub::request(&self.stub, &SPEC).argument(name).call()
///     }
/// }
///
/// impl Client for GreeterClient { ... }
/// ```
pub(in crate::expand) fn client(contract: &Contract, names: &Names) -> Generated {
    let krate = &contract.krate;
    let vis = &contract.item.vis;
    let client = &contract.client;
    let generics = generics::client(contract, names);
    let (declaration_generics, impl_generics) = (generics.declaration_generics(), generics.impl_generics());
    let (bounded_impl_generics, where_clause) = (generics.bounded_impl_generics(), generics.where_clause());
    let ty_generics = generics.ty_generics();
    let phantom_field = generics.phantom_type().map(|ty| quote!(contract: #ty,));
    let phantom_value = generics.phantom_type().map(|_| quote!(contract: ::core::marker::PhantomData,));
    let doc = format!(" Calls the methods of a [`{}`] that a peer serves.", contract.item.ident);
    let inherent_items = inherent::items(contract);
    let methods = contract.methods.iter().map(|method| method::method(contract, method, names));
    let description = description::description(contract, names);
    let lint_attrs = &contract.lint_attrs;
    let definition = quote! {
        #[doc = #doc]
        #(#lint_attrs)*
        #vis struct #client #declaration_generics {
            stub: #krate::__private::Stub,
            #phantom_field
        }
    };
    let impls = quote! {
        impl #impl_generics #client #ty_generics {
            #inherent_items
        }

        #(#lint_attrs)*
        #[allow(
            clippy::all,
            clippy::pedantic,
            reason = "lints apply to the signatures of the trait"
        )]
        impl #bounded_impl_generics #client #ty_generics #where_clause {
            #(#methods)*
        }

        impl #impl_generics #krate::Client for #client #ty_generics {
            const CONTRACT: &'static #krate::contract::Contract = #description;

            fn from_stub(stub: #krate::__private::Stub) -> Self {
                Self { stub, #phantom_value }
            }

            fn stub(&self) -> &#krate::__private::Stub {
                &self.stub
            }
        }

        impl #impl_generics ::core::clone::Clone for #client #ty_generics {
            fn clone(&self) -> Self {
                #krate::Client::from_stub(::core::clone::Clone::clone(&self.stub))
            }
        }

        impl #impl_generics ::core::fmt::Debug for #client #ty_generics {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #krate::__private::Stub::describe(&self.stub, ::core::stringify!(#client), f)
            }
        }
    };
    Generated { definition, impls }
}
