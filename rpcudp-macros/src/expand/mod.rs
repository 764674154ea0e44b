//! Writes the trait, the client and the server of a contract. Cannot fail, because a `Contract` is legal.
//!
//! Generated code names types and methods and calls ordinary functions: the logic is in `rpcudp::__private` and behind it.
//! Paths start at `::core`, `::std` or the crate, or at a name that the block imports and the contract does not use. Locals
//! have the hygiene of `Span::mixed_site`. So no name of the user's changes the meaning of generated code.

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
