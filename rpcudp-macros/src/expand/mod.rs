//! Writes the trait, the client and the server of a contract. This cannot fail, because a
//! `Contract` has no errors.
//!
//! Generated code contains no logic: it calls the functions of `rpcudp::__private`. No name of the
//! user's changes its meaning: a path starts at `::core`, `::std` or the crate, or at a name that
//! the block imports and the contract does not use; a local has the hygiene of `Span::mixed_site`.

mod client;
mod description;
mod generics;
mod imports;
mod names;
mod server;
mod values;

use proc_macro2::TokenStream;
use quote::quote;

use self::names::Names;
use crate::model::Contract;

pub(crate) fn contract(contract: &Contract) -> TokenStream {
    let item = &contract.item;
    let names = Names::new(contract);
    let client = client::client(contract, &names);
    let server = server::server(contract, &names);
    quote! {
        #item
        #client
        #server
    }
}
