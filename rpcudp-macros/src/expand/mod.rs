//! Writes the trait, the client and the server of a contract. This cannot fail, because a
//! `Contract` has no errors.
//!
//! Generated code contains no logic: it calls the functions of `rpcudp::__private`. No name of the
//! user's changes its meaning: a path starts at `::core`, `::std` or the crate, or at a name that
//! the block imports and the contract does not use; a local has the hygiene of `Span::mixed_site`,
//! and a name that `locals!` declares, so that it cannot be taken for a static or a unit struct.

mod client;
mod description;
mod dynamic;
mod generics;
mod imports;
mod names;
mod server;
mod values;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use self::names::Names;
use crate::model::Contract;

/// A generated type, and its implementations.
struct Generated {
    definition: TokenStream,
    impls: TokenStream,
}

pub(crate) fn contract(contract: &Contract) -> TokenStream {
    let Contract { item, krate, .. } = contract;
    let names = Names::new(contract);
    let client = client::client(contract, &names);
    let server = server::server(contract, &names);
    let dynamic = dynamic::dynamic(contract, &names);
    let (client_type, client_impls) = (client.definition, client.impls);
    let (server_type, server_impls) = (server.definition, server.impls);
    let dynamic_type = dynamic.as_ref().map(|dynamic| &dynamic.definition);
    let dynamic_impls = dynamic.as_ref().map(|dynamic| &dynamic.impls);
    let locals = names::locals(contract);
    let uses = uses(contract);
    quote! {
        #item
        #client_type
        #server_type
        #dynamic_type
        const _: () = {
            #krate::__private::locals!(#(#locals),*);
            #client_impls
            #server_impls
            #dynamic_impls
            #uses
        };
    }
}

/// Uses all items of the client and the server. A program need not use them, and it may forbid an
/// attribute that allows that.
fn uses(contract: &Contract) -> TokenStream {
    let Contract { krate, client, server, .. } = contract;
    let client_generics = generics::any_client(contract);
    let items = client::inherent_names(contract).into_iter().map(|name| match name {
        // Its parameter has no name that an argument could replace.
        "new" => quote! {
            let _: fn(&#krate::Endpoint, ::std::net::SocketAddr) -> _ = #client #client_generics::new;
        },
        "group" => quote! {
            let _: fn(&#krate::Endpoint, #krate::Peers) -> _ = #client #client_generics::group;
        },
        "by" => quote! {
            let _: fn(&_, &'static [u8]) -> _ = #client #client_generics::by;
        },
        // Without the feature `secure` there are no such items.
        name @ ("secure" | "back" | "peer_id") => {
            let name = Ident::new(name, Span::call_site());
            quote!(#krate::__private::use_client_links! { #name #client #client_generics })
        }
        name => {
            let name = Ident::new(name, Span::call_site());
            quote!(let _ = #client #client_generics::#name;)
        }
    });
    let server_generics = generics::any_server(contract);
    quote! {
        const _: fn() = || {
            #(#items)*
            let _ = #server #server_generics::new;
        };
    }
}
