//! Values of the model as expressions.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Delivery, Service};

/// A delivery as `rpcudp::__private` names it.
pub(super) fn delivery(service: &Service, delivery: Delivery) -> TokenStream {
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
pub(super) fn timeout(service: &Service, timeout: Option<Duration>) -> TokenStream {
    let krate = &service.krate;
    match timeout {
        Some(timeout) => {
            let (seconds, nanos) = (timeout.as_secs(), timeout.subsec_nanos());
            quote!(::core::option::Option::Some(#krate::__private::Duration::new(#seconds, #nanos)))
        }
        None => quote!(::core::option::Option::None),
    }
}
