//! Writes the trait, the client and the server of a contract. Cannot fail: the contract is legal.
//!
//! What is written names types and methods and calls ordinary functions; the logic is in `rpcudp::__private` and what
//! lies behind it. Paths start at `::core` or at the crate, locals are hygienic, so that no name of the user's matters.

mod client;
mod contract;
mod generics;
mod names;
mod server;
mod values;

use proc_macro2::TokenStream;
use quote::quote;

use self::names::Names;
use crate::model::Service;

pub(crate) fn service(service: &Service) -> TokenStream {
    let contract = &service.contract;
    let names = Names::new(service);
    let client = client::client(service, &names);
    let server = server::server(service, &names);
    quote! {
        #contract
        #client
        #server
    }
}
