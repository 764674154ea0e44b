//! Writes the trait, the client and the server of a contract. Cannot fail: the contract is legal.
//!
//! What is written names types and methods and calls ordinary functions; the logic is in `rpcudp::__private` and what
//! lies behind it. Paths start at `::core` or at the crate, locals are hygienic, so that no name of the user's matters.

mod client;
mod description;
mod generics;
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
