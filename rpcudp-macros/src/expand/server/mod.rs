mod method;

use proc_macro2::TokenStream;
use quote::quote;

use crate::expand::generics::{self, TypeGenerics};
use crate::expand::names::Names;
use crate::model::Contract;

/// The server: a struct around an implementation of the trait, with a table that says for each wire name how its
/// arguments are decoded and its method is called.
///
/// ```text
/// pub struct GreeterServer<S> { service: Arc<S>, ... }
///
/// impl<S: Greeter + Send + Sync + 'static> Service for GreeterServer<S> {
///     const METHODS: &'static [Method<Self>] = &[
///         Method {
///             name: "sayhi",
///             delivery: Delivery::Maybe,
///             call: |server, incoming| incoming.run(|cx, arguments| {
///                 let name = arguments.take("name")?;
///                 Ok(Value(S::sayhi(&*server.service, cx, name)))
///             }),
///         },
///     ];
/// }
/// ```
pub(in crate::expand) fn server(contract: &Contract, names: &Names) -> TokenStream {
    let krate = &contract.krate;
    let vis = &contract.item.vis;
    let trait_ident = &contract.item.ident;
    let server = contract.server_ident();
    let service = names.service();
    let TypeGenerics { of_type, declared, used, bounded, predicates, marker } = generics::server(contract, names);
    let trait_arguments = generics::of_contract(contract);
    let (client, client_arguments) = (contract.client_ident(), generics::client_of_server(contract, names));
    let types: Vec<_> = contract.item.generics.type_params().map(|parameter| &parameter.ident).collect();
    let name = contract.name();
    let about = format!("Serves an implementation of [`{}`].", contract.item.ident);
    let methods = contract.methods.iter().map(|method| method::method(contract, method, names));
    let allowed = &contract.lint_attrs;
    quote! {
        #[doc = #about]
        #(#allowed)*
        #vis struct #server<#of_type> {
            service: #krate::__private::Arc<#service>,
            contract: ::core::marker::PhantomData<fn() -> (#marker)>,
        }

        #[allow(dead_code, reason = "not every program needs each of them")]
        impl<#declared> #server<#used> {
            /// Serves `service`.
            #[must_use]
            #vis fn new(service: #service) -> Self
            where
                #service: ::core::marker::Sized,
            {
                Self::from_arc(#krate::__private::Arc::new(service))
            }

            /// Serves a service that others hold as well, or one whose type is forgotten, as `Arc<dyn Trait + Send + Sync>`.
            #[must_use]
            #vis fn from_arc(service: #krate::__private::Arc<#service>) -> Self {
                Self { service, contract: ::core::marker::PhantomData }
            }
        }

        #[allow(deprecated, reason = "a deprecated method is still served")]
        #[allow(clippy::all, clippy::pedantic, reason = "the user's signatures, which are linted on the trait")]
        impl<#bounded> #krate::Service for #server<#used>
        where
            #service: #trait_ident<#trait_arguments> + ::core::marker::Send + ::core::marker::Sync + 'static,
            #(#types: 'static,)*
            #predicates
        {
            const NAME: &'static str = #name;

            const CONTRACT: &'static #krate::__private::contract::Contract =
                <#client<#client_arguments> as #krate::Client>::CONTRACT;

            const METHODS: &'static [#krate::__private::Method<Self>] = &[#(#methods,)*];
        }

        impl<#declared> ::core::clone::Clone for #server<#used> {
            fn clone(&self) -> Self {
                Self::from_arc(::core::clone::Clone::clone(&self.service))
            }
        }

        impl<#declared> ::core::fmt::Debug for #server<#used> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Formatter::write_str(f, ::core::stringify!(#server))
            }
        }
    }
}
