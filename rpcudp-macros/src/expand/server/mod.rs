mod method;

use proc_macro2::TokenStream;
use quote::quote;

use crate::expand::generics::{self, TypeGenerics};
use crate::expand::names::Names;
use crate::model::Service;

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
pub(in crate::expand) fn server(service: &Service, names: &Names) -> TokenStream {
    let krate = &service.krate;
    let vis = &service.contract.vis;
    let contract = &service.contract.ident;
    let server = service.server_ident();
    let implementation = names.implementation();
    let TypeGenerics { of_type, declared, used, bounded, predicates, marker } = generics::server(service, names);
    let contract_arguments = generics::of_contract(service);
    let (client, client_arguments) = (service.client_ident(), generics::client_of_server(service, names));
    let types: Vec<_> = service.contract.generics.type_params().map(|parameter| &parameter.ident).collect();
    let name = service.name();
    let about = format!("Serves an implementation of [`{}`].", service.contract.ident);
    let methods = service.methods.iter().map(|method| method::method(service, method, names));
    let allowed = &service.allowed;
    quote! {
        #[doc = #about]
        #(#allowed)*
        #vis struct #server<#of_type> {
            service: #krate::__private::Arc<#implementation>,
            contract: ::core::marker::PhantomData<fn() -> (#marker)>,
        }

        #[allow(dead_code, reason = "not every program needs each of them")]
        impl<#declared> #server<#used> {
            /// Serves `service`.
            #[must_use]
            #vis fn new(service: #implementation) -> Self
            where
                #implementation: ::core::marker::Sized,
            {
                Self::from_arc(#krate::__private::Arc::new(service))
            }

            /// Serves a service that others hold as well, or one whose type is forgotten, as `Arc<dyn Trait + Send + Sync>`.
            #[must_use]
            #vis fn from_arc(service: #krate::__private::Arc<#implementation>) -> Self {
                Self { service, contract: ::core::marker::PhantomData }
            }
        }

        #[allow(deprecated, reason = "a deprecated method is still served")]
        #[allow(clippy::all, clippy::pedantic, reason = "the user's signatures, which are linted on the trait")]
        impl<#bounded> #krate::Service for #server<#used>
        where
            #implementation: #contract<#contract_arguments> + ::core::marker::Send + ::core::marker::Sync + 'static,
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
