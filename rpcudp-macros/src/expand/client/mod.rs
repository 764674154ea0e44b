use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, GenericParam, Generics, Lifetime, Meta, Type};

use crate::expand::generics::{self, TypeGenerics, for_client};
use crate::expand::names::Names;
use crate::expand::{contract, values};
use crate::model::{Argument, Delivery, Method, Returns, Service, hygienic};
use crate::tokens::{find, is_ident, is_punct, located_at};

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
pub(super) fn client(service: &Service, names: &Names) -> TokenStream {
    let krate = &service.krate;
    let vis = &service.contract.vis;
    let client = service.client_ident();
    let TypeGenerics { of_type, declared, used, bounded, predicates, marker } = generics::client(service, names);
    let name = service.contract.ident.to_string();
    let about = format!("Calls the methods of a [`{name}`] that some peer serves.");
    let methods = service.methods.iter().map(|method| client_method(service, method, names));
    let conveniences = conveniences(service);
    let description = contract::contract(service);
    let allowed = &service.allowed;
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

fn client_method(service: &Service, method: &Method, names: &Names) -> TokenStream {
    let krate = &service.krate;
    let vis = &service.contract.vis;
    let Method { ident, wire_name, attrs, .. } = method;
    let (cfg, client_attrs) = (&attrs.cfg, &attrs.client);
    let docs = client_docs(method);
    let generics = client_lifetimes(method);
    let parameters = method.arguments().map(|argument| {
        let (ident, ty) = (&argument.ident, for_client(&argument.ty, names));
        quote!(#ident: #ty)
    });
    // Each of its uses is where an error is to point, and not at the attribute.
    let request = Ident::new("request", hygienic(Span::call_site()));
    let arguments = method.arguments().map(|argument| {
        let ident = &argument.ident;
        let at = hygienic(argument.span);
        let request = located_at(&request, at);
        // What is behind a reference is encoded, and not the reference: bytes are known for what they are then.
        let borrow = (!matches!(&*argument.ty, Type::Reference(_))).then(|| quote_spanned!(at => &));
        quote_spanned!(at => #request.argument(#borrow #ident))
    });
    let argument_count = method.arguments().count() as u32;
    let delivery = values::delivery(service, method.delivery);
    let timeout = values::timeout(service, method.timeout);
    let ty = for_client(method.returns.ty(), names);
    let at = hygienic(method.returns.ty().span());
    let (returns, call) = match method.returns {
        Returns::Value(_) => (quote!(#krate::Call), quote!(#krate::__private::OutgoingRequest::call)),
        Returns::Result(_) => (quote!(#krate::CallOf), quote!(#krate::__private::OutgoingRequest::fallible_call)),
    };
    let (returns, call) = (located_at(&returns, at), located_at(&call, at));
    let sent = located_at(&request, at);
    let call = quote_spanned!(at => #call(#sent));
    let returns = quote_spanned!(at => #returns<#ty>);
    quote! {
        #(#client_attrs)*
        #docs
        #(#cfg)*
        #vis fn #ident #generics (&self, #(#parameters),*) -> #returns {
            let #request = #krate::__private::Stub::request(&self.stub, {
                static SPEC: #krate::__private::CallSpec =
                    #krate::__private::CallSpec::new(#wire_name, #argument_count, #delivery, #timeout);
                &SPEC
            });
            #(let #request = #arguments;)*
            #call
        }
    }
}

/// What the user says of the method, and then a line that says how it is called.
fn client_docs(method: &Method) -> TokenStream {
    let Method { wire_name, attrs, delivery, .. } = method;
    let within = match method.timeout {
        Some(timeout) => format!("within {timeout:?}"),
        None => "within the endpoint's timeout".into(),
    };
    let line = match delivery {
        Delivery::Maybe => format!("Calls `{wire_name}`: sent once, answered {within}."),
        Delivery::AtLeastOnce => format!("Calls `{wire_name}` at least once: sent until it is answered, {within}."),
        Delivery::AtMostOnce => format!("Calls `{wire_name}` at most once: sent until it is answered, {within}."),
        Delivery::OneWay => format!("Calls `{wire_name}` one way: sent once, not answered."),
    };
    let is_text = |attr: &Attribute| attr.path().is_ident("doc") && matches!(attr.meta, Meta::NameValue(_));
    let apart = attrs.client.iter().any(is_text).then(|| quote!(#[doc = ""]));
    quote!(#apart #[doc = #line])
}

/// The method's lifetimes as far as its arguments have them: others belong to `&self` and the context, which the client
/// does not pass on.
fn client_lifetimes(method: &Method) -> Generics {
    let mentioned = |lifetime: &Lifetime| {
        let name = lifetime.ident.to_string();
        let mentions = |argument: &Argument| {
            find(&argument.ty, &|rest| match rest {
                [quote, ident, ..] if is_punct(quote, '\'') && is_ident(ident, &name) => 2,
                _ => 0,
            })
        };
        method.arguments().any(|argument| mentions(argument).is_some())
    };
    let kept = |lifetime: &Lifetime| lifetime.ident == "static" || mentioned(lifetime);
    let lifetimes = method.generics.lifetimes().filter(|parameter| mentioned(&parameter.lifetime)).map(|parameter| {
        let mut parameter = parameter.clone();
        parameter.bounds = parameter.bounds.into_iter().filter(kept).collect();
        GenericParam::Lifetime(parameter)
    });
    Generics { params: lifetimes.collect(), ..Generics::default() }
}

/// What `Client` provides, as items of the client itself; the contract's own methods go before them.
fn conveniences(service: &Service) -> TokenStream {
    let krate = &service.krate;
    let vis = &service.contract.vis;
    let all = [
        (
            "CONTRACT",
            quote! {
                /// What the contract says, as data: to be printed, compared or sent.
                #vis const CONTRACT: &'static #krate::__private::contract::Contract =
                    <Self as #krate::Client>::CONTRACT;
            },
        ),
        (
            "new",
            quote! {
                /// A client that calls `peer` through an endpoint, or through the one that a request came to.
                ///
                /// An address parses: `"127.0.0.1:1234".parse()?`. For a host name, ask the resolver, as in
                /// `tokio::net::lookup_host("example.org:1234").await?.next()`.
                #vis fn new(via: &impl #krate::AsEndpoint, peer: ::std::net::SocketAddr) -> Self {
                    <Self as #krate::Client>::new(via, peer)
                }
            },
        ),
        (
            "with_peer",
            quote! {
                /// A client that calls another peer.
                #[must_use]
                #vis fn with_peer(&self, peer: ::std::net::SocketAddr) -> Self {
                    <Self as #krate::Client>::with_peer(self, peer)
                }
            },
        ),
        (
            "with_timeout",
            quote! {
                /// A client whose calls wait this long for an answer, unless one says otherwise.
                #[must_use]
                #vis fn with_timeout(&self, timeout: #krate::__private::Duration) -> Self {
                    <Self as #krate::Client>::with_timeout(self, timeout)
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
                #vis fn endpoint(&self) -> &#krate::Endpoint {
                    <Self as #krate::Client>::endpoint(self)
                }
            },
        ),
    ];
    let is_free = |name: &str| service.methods.iter().all(|method| method.ident != name);
    let items = all.into_iter().filter(|(name, _)| is_free(name)).map(|(_, item)| item);
    quote! {
        #(#[allow(dead_code, reason = "not every program needs each of them")] #items)*
    }
}
