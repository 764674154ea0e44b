mod method;

use proc_macro2::TokenStream;
use quote::quote;

use crate::expand::imports::Imports;
use crate::expand::names::Names;
use crate::expand::{Generated, generics};
use crate::model::{Contract, Method};

/// Writes the server: a struct around an implementation of the trait, and a table of the methods by
/// wire name.
///
/// ```text
/// pub struct GreeterServer<S: ?Sized> {
///     service: Arc<S>,
/// }
///
/// impl<S: ?Sized> GreeterServer<S> {
///     pub fn new(service: S) -> Self { ... }
/// }
///
/// impl<S: ?Sized> Service for GreeterServer<S>
/// where
///     S: Greeter + Send + Sync + 'static,
/// {
///     const METHODS: &'static [Method<Self>] = &[
///         Method {
///             name: "sayhi",
///             delivery: Delivery::Maybe,
///             call: |server, incoming| incoming.run(|cx, arguments| {
///                 let name = arguments.take("name")?;
///                 respond(<S as Greeter>::sayhi(&server.service, as_context(cx), name))
///             }),
///         },
///     ];
/// }
/// ```
pub(in crate::expand) fn server(contract: &Contract, names: &Names) -> Generated {
    let krate = &contract.krate;
    let vis = &contract.item.vis;
    let server = &contract.server;
    let service = names.service();
    let generics = generics::server(contract, names);
    let (declaration_generics, impl_generics) = (generics.declaration_generics(), generics.impl_generics());
    let (bounded_impl_generics, where_clause) = (generics.bounded_impl_generics(), generics.where_clause());
    let ty_generics = generics.ty_generics();
    let phantom_field = generics.phantom_type().map(|ty| quote!(contract: #ty,));
    let phantom_value = generics.phantom_type().map(|_| quote!(contract: ::core::marker::PhantomData,));
    let (client, client_generics) = (&contract.client, generics::client_of_server(contract, names));
    let name = contract.name();
    let doc = format!(" Serves an implementation of [`{}`].", contract.item.ident);
    let mut imports = Imports::new(quote!(#krate::__private), names);
    let methods: Vec<_> =
        contract.methods.iter().map(|method| method::method(contract, method, names, &mut imports)).collect();
    let (aliases, sessions) = (aliases(contract), sessions(contract));
    // Only if there is such a method: the crate may forbid the attribute.
    let has_deprecated = contract.methods.iter().any(Method::is_deprecated);
    let allow_deprecated =
        has_deprecated.then(|| quote!(#[allow(deprecated, reason = "the server calls every method")]));
    let lint_attrs = &contract.lint_attrs;
    let definition = quote! {
        #[doc = #doc]
        #(#lint_attrs)*
        #vis struct #server #declaration_generics {
            service: ::std::sync::Arc<#service>,
            #phantom_field
        }
    };
    let impls = quote! {
        impl #impl_generics #server #ty_generics {
            /// Returns a server for `service`.
            #[must_use]
            #vis fn new(service: #service) -> Self
            where
                #service: ::core::marker::Sized,
            {
                Self::from_arc(::std::sync::Arc::new(service))
            }

            /// Returns a server for a service that the program shares, or for a trait object, such
            /// as `Arc<dyn Trait + Send + Sync>`.
            #[must_use]
            #vis const fn from_arc(service: ::std::sync::Arc<#service>) -> Self {
                Self { service, #phantom_value }
            }
        }

        #allow_deprecated
        #[allow(
            clippy::all,
            clippy::pedantic,
            reason = "lints apply to the signatures of the trait"
        )]
        impl #bounded_impl_generics #krate::Service for #server #ty_generics #where_clause {
            const NAME: &'static str = #name;

            const CONTRACT: &'static #krate::contract::Contract = <#client #client_generics as #krate::Client>::CONTRACT;

            const METHODS: &'static [#krate::__private::Method<Self>] = {
                #imports
                &[#(#methods),*]
            };
            #aliases
            #sessions
        }

        impl #impl_generics ::core::clone::Clone for #server #ty_generics {
            fn clone(&self) -> Self {
                Self::from_arc(::core::clone::Clone::clone(&self.service))
            }
        }

        impl #impl_generics ::core::fmt::Debug for #server #ty_generics {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Formatter::write_str(f, ::core::stringify!(#server))
            }
        }
    };
    Generated { definition, impls }
}

/// Writes the table of methods that require a session, if there are any: each with its pool.
fn sessions(contract: &Contract) -> Option<TokenStream> {
    let pairs = contract.methods.iter().filter_map(|method| {
        let (cfg, name, pool) = (&method.attrs.cfg, &method.wire_name, method.session.as_ref()?);
        Some(quote!(#(#cfg)* (#name, #pool)))
    });
    let pairs: Vec<_> = pairs.collect();
    (!pairs.is_empty()).then(|| {
        quote! {
            const SESSIONS: &'static [(&'static str, &'static str)] = &[#(#pairs),*];
        }
    })
}

/// Writes the table of aliases, if the contract has any: each with the wire name of its method.
fn aliases(contract: &Contract) -> Option<TokenStream> {
    let pairs = contract.methods.iter().flat_map(|method| {
        let (cfg, name) = (&method.attrs.cfg, &method.wire_name);
        method.aliases.iter().map(move |alias| quote!(#(#cfg)* (#alias, #name)))
    });
    let pairs: Vec<_> = pairs.collect();
    (!pairs.is_empty()).then(|| {
        quote! {
            const ALIASES: &'static [(&'static str, &'static str)] = &[#(#pairs),*];
        }
    })
}
