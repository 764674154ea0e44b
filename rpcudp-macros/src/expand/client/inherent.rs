use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Contract;

/// Writes the items of the trait `Client` as items of the client itself, so that its users need not
/// import the trait. An item is left out if the contract has a method of the same name.
pub(super) fn items(contract: &Contract) -> TokenStream {
    let krate = &contract.krate;
    let vis = &contract.item.vis;
    let all = [
        (
            "CONTRACT",
            quote! {
                /// The contract as data: it can be printed, compared and sent.
                #vis const CONTRACT: &'static #krate::contract::Contract = <Self as #krate::Client>::CONTRACT;
            },
        ),
        (
            "new",
            quote! {
                /// Returns a client that calls `peer` through an `Endpoint`, or through the
                /// endpoint of a request's `Context`.
                ///
                /// An address parses: `"127.0.0.1:1234".parse()?`. A host name needs the resolver,
                /// as in `tokio::net::lookup_host("example.org:1234").await?.next()`.
                #vis fn new(via: &impl #krate::AsEndpoint, peer: ::std::net::SocketAddr) -> Self {
                    <Self as #krate::Client>::new(via, peer)
                }
            },
        ),
        (
            "group",
            quote! {
                /// Returns a client that calls a group of peers. Each call picks its peer: the less
                /// loaded of two that are drawn at random.
                #vis fn group(via: &impl #krate::AsEndpoint, peers: #krate::Peers) -> Self {
                    <Self as #krate::Client>::group(via, peers)
                }
            },
        ),
        (
            "by",
            quote! {
                /// Returns a client of the same group whose calls go to the peer of a key, as long
                /// as that peer is available.
                #[must_use]
                #vis fn by(&self, key: impl ::core::convert::AsRef<[u8]>) -> Self {
                    <Self as #krate::Client>::by(self, key)
                }
            },
        ),
        (
            "peers",
            quote! {
                /// Returns the peers of the group with their health. Empty for a client of one
                /// peer.
                #[must_use]
                #vis fn peers(&self) -> ::std::vec::Vec<#krate::PeerStatus> {
                    <Self as #krate::Client>::peers(self)
                }
            },
        ),
        // The macro cannot see whether the crate has the feature `secure`. Without it, these expand
        // to no item.
        ("secure", quote!(#krate::__private::client_links! { #vis secure })),
        ("back", quote!(#krate::__private::client_links! { #vis back })),
        ("peer_id", quote!(#krate::__private::client_links! { #vis peer_id })),
        (
            "with_peer",
            quote! {
                /// Returns a client that calls another peer, and no group.
                #[must_use]
                #vis fn with_peer(&self, peer: ::std::net::SocketAddr) -> Self {
                    <Self as #krate::Client>::with_peer(self, peer)
                }
            },
        ),
        (
            "with_timeout",
            quote! {
                /// Returns a client with another timeout, in place of those of the contract and the
                /// endpoint. `Call::timeout` overrides it for one call.
                #[must_use]
                #vis fn with_timeout(&self, timeout: ::core::time::Duration) -> Self {
                    <Self as #krate::Client>::with_timeout(self, timeout)
                }
            },
        ),
        (
            "peer",
            quote! {
                /// Returns the address of the peer that this client calls, or `0.0.0.0:0` if it
                /// calls a group.
                #[must_use]
                #vis fn peer(&self) -> ::std::net::SocketAddr {
                    <Self as #krate::Client>::peer(self)
                }
            },
        ),
        (
            "endpoint",
            quote! {
                /// Returns the endpoint that this client calls through.
                #vis fn endpoint(&self) -> &#krate::Endpoint {
                    <Self as #krate::Client>::endpoint(self)
                }
            },
        ),
    ];
    let names = names(contract);
    all.into_iter().filter(|(name, _)| names.contains(name)).map(|(_, item)| item).collect()
}

/// Returns the names of the items.
pub(in crate::expand) fn names(contract: &Contract) -> Vec<&'static str> {
    let is_unused = |name: &&str| contract.methods.iter().all(|method| method.ident != *name);
    let names = [
        "CONTRACT",
        "new",
        "group",
        "by",
        "peers",
        "secure",
        "back",
        "peer_id",
        "with_peer",
        "with_timeout",
        "peer",
        "endpoint",
    ];
    names.into_iter().filter(is_unused).collect()
}
