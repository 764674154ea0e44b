use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Contract;

/// What `Client` provides, as items of the client itself; the contract's own methods go before them.
pub(super) fn conveniences(contract: &Contract) -> TokenStream {
    let krate = &contract.krate;
    let vis = &contract.item.vis;
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
    let is_free = |name: &str| contract.methods.iter().all(|method| method.ident != name);
    let items = all.into_iter().filter(|(name, _)| is_free(name)).map(|(_, item)| item);
    quote! {
        #(#[allow(dead_code, reason = "not every program needs each of them")] #items)*
    }
}
