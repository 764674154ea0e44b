//! Values of the model as expressions.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Contract, Delivery};

/// A delivery as `rpcudp::__private` names it.
pub(super) fn delivery(contract: &Contract, delivery: Delivery) -> TokenStream {
    let krate = &contract.krate;
    let variant = match delivery {
        Delivery::Maybe => quote!(Maybe),
        Delivery::AtLeastOnce => quote!(AtLeastOnce),
        Delivery::AtMostOnce => quote!(AtMostOnce),
        Delivery::OneWay => quote!(OneWay),
    };
    quote!(#krate::__private::Delivery::#variant)
}

/// A timeout as a constant, to the nanosecond.
pub(super) fn timeout(contract: &Contract, timeout: Option<Duration>) -> TokenStream {
    let krate = &contract.krate;
    match timeout {
        Some(timeout) => {
            let (seconds, nanos) = (timeout.as_secs(), timeout.subsec_nanos());
            quote!(::core::option::Option::Some(#krate::__private::Duration::new(#seconds, #nanos)))
        }
        None => quote!(::core::option::Option::None),
    }
}
