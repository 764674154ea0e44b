//! Writes the trait, the client and the server of a contract. Cannot fail: the contract is legal.
//!
//! What is written names types and methods and calls ordinary functions; the logic is in `rpcudp::__private` and what
//! lies behind it. Paths start at `::core` or at the crate, locals are hygienic, so that no name of the user's matters.

mod client;
mod contract;
mod generics;
mod names;
mod server;

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;

use self::names::Names;
use crate::model::{Delivery, Service};

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

/// A delivery as `rpcudp::__private` names it.
fn delivery(service: &Service, delivery: Delivery) -> TokenStream {
    let krate = &service.krate;
    let variant = match delivery {
        Delivery::Maybe => quote!(Maybe),
        Delivery::AtLeastOnce => quote!(AtLeastOnce),
        Delivery::AtMostOnce => quote!(AtMostOnce),
        Delivery::OneWay => quote!(OneWay),
    };
    quote!(#krate::__private::Delivery::#variant)
}

/// A timeout as a constant, to the nanosecond.
fn timeout(service: &Service, timeout: Option<Duration>) -> TokenStream {
    let krate = &service.krate;
    match timeout {
        Some(timeout) => {
            let (seconds, nanos) = (timeout.as_secs(), timeout.subsec_nanos());
            quote!(::core::option::Option::Some(#krate::__private::Duration::new(#seconds, #nanos)))
        }
        None => quote!(::core::option::Option::None),
    }
}
