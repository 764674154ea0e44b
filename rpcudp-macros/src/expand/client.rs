use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::generics::{self, TypeGenerics, for_client};
use crate::model::{Method, Returns, Service, hygienic};
use crate::tokens::located_at;

/// The client: a struct with a method for each of the contract's, which encodes its arguments and makes a call.
///
/// ```text
/// pub struct GreeterClient { stub: Stub, ... }
///
/// impl GreeterClient {
///     pub fn new(via: &impl AsEndpoint, peer: SocketAddr) -> Self { ... }
///     pub fn sayhi(&self, name: &str) -> Call<String> {
///         self.stub.request(CallSpec { name: "sayhi", ... }).argument(&name).call()
///     }
/// }
/// ```
pub(super) fn client(service: &Service) -> TokenStream {
    let krate = &service.krate;
    let vis = &service.contract.vis;
    let client = service.client_ident();
    let TypeGenerics { declared, used, bounded, predicates, marker } = generics::client(service);
    let name = service.contract.ident.to_string();
    let about = format!("Calls the methods of a [`{name}`] that some peer serves.");
    let methods = service.methods.iter().map(|method| client_method(service, method));
    let conveniences = conveniences(service);
    let allowed = service.allowed();
    let allowed_too = allowed.clone();
    quote! {
        #[doc = #about]
        #(#allowed)*
        #vis struct #client<#declared> {
            stub: #krate::__private::Stub,
            contract: ::core::marker::PhantomData<fn() -> (#marker)>,
        }

        impl<#declared> #client<#used> {
            #conveniences
        }

        #(#allowed_too)*
        #[allow(clippy::all, clippy::pedantic, reason = "the user's signatures, which are linted on the trait")]
        impl<#bounded> #client<#used> where #predicates {
            #(#methods)*
        }

        impl<#declared> #krate::Client for #client<#used> {
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
                ::core::fmt::Debug::fmt(&self.stub, f)
            }
        }
    }
}

/// What `Client` provides, as methods of the client itself; the contract's own methods go before them.
fn conveniences(service: &Service) -> TokenStream {
    let krate = &service.krate;
    let vis = &service.contract.vis;
    let all = [
        (
            "new",
            quote! {
                /// A client that calls `peer` through an endpoint, or through the one that a request came to.
                #vis fn new(via: &impl #krate::AsEndpoint, peer: ::std::net::SocketAddr) -> Self {
                    <Self as #krate::Client>::new(via, peer)
                }
            },
        ),
        (
            "to",
            quote! {
                /// A client that calls another peer.
                #[must_use]
                #vis fn to(&self, peer: ::std::net::SocketAddr) -> Self {
                    <Self as #krate::Client>::to(self, peer)
                }
            },
        ),
        (
            "peer",
            quote! {
                /// Who is called.
                #[must_use]
                #vis fn peer(&self) -> ::std::net::SocketAddr {
                    <Self as #krate::Client>::peer(self)
                }
            },
        ),
        (
            "endpoint",
            quote! {
                /// What calls go through.
                #[must_use]
                #vis fn endpoint(&self) -> &#krate::Endpoint {
                    <Self as #krate::Client>::endpoint(self)
                }
            },
        ),
    ];
    let is_free = |name: &str| service.methods.iter().all(|method| method.ident != name);
    let functions = all.into_iter().filter(|(name, _)| is_free(name)).map(|(_, function)| function);
    quote! {
        #(#[allow(dead_code, reason = "not every program needs each of them")] #functions)*
    }
}

fn client_method(service: &Service, method: &Method) -> TokenStream {
    let krate = &service.krate;
    let vis = &service.contract.vis;
    let Method { ident, wire_name, attrs, generics, .. } = method;
    let (cfg, client_attrs) = (&attrs.cfg, &attrs.client);
    let no_docs = client_attrs.iter().all(|attr| !attr.path().is_ident("doc"));
    let docs = no_docs.then(|| format!("Calls `{wire_name}`.")).map(|text| quote!(#[doc = #text]));
    let parameters = method.arguments().map(|argument| {
        let (ident, ty) = (&argument.ident, for_client(&argument.ty));
        quote!(#ident: #ty)
    });
    let arguments = method.arguments().map(|argument| {
        let ident = &argument.ident;
        quote_spanned!(hygienic(argument.span) => .argument(&#ident))
    });
    let argument_count = method.arguments().count() as u32;
    let delivery = super::delivery(service, method.delivery);
    let timeout = match method.timeout {
        Some(timeout) => {
            let nanos = timeout.as_nanos() as u64;
            quote!(::core::option::Option::Some(#krate::__private::Duration::from_nanos(#nanos)))
        }
        None => quote!(::core::option::Option::None),
    };
    let ty = for_client(method.returns.ty());
    let at = hygienic(method.returns.ty().span());
    let (returns, call) = match method.returns {
        Returns::Value(_) => (quote!(#krate::Call), quote_spanned!(at => .call())),
        Returns::Result(_) => (quote!(#krate::__private::CallOf), quote_spanned!(at => .fallible_call())),
    };
    let returns = located_at(&returns, at);
    let returns = quote_spanned!(at => #returns<#ty>);
    quote! {
        #docs
        #(#client_attrs)*
        #(#cfg)*
        #vis fn #ident #generics (&self, #(#parameters),*) -> #returns {
            #krate::__private::Stub::request(&self.stub, #krate::__private::CallSpec {
                name: #wire_name,
                argument_count: #argument_count,
                delivery: #delivery,
                timeout: #timeout,
            })
            #(#arguments)*
            #call
        }
    }
}
