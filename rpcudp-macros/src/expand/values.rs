//! Values of the model as expressions.

use std::time::Duration;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

use crate::model::Delivery;

/// Returns the variant of `Delivery`.
pub(super) fn delivery_variant(delivery: Delivery) -> Ident {
    let variant = match delivery {
        Delivery::Maybe => "Maybe",
        Delivery::AtLeastOnce => "AtLeastOnce",
        Delivery::AtMostOnce => "AtMostOnce",
        Delivery::OneWay => "OneWay",
    };
    Ident::new(variant, Span::call_site())
}

/// Returns a timeout of type `Option<Duration>`, in the largest unit that gives a whole number. The
/// smallest unit that an option of the macro can have is a microsecond.
pub(super) fn timeout(timeout: Option<Duration>) -> TokenStream {
    let Some(timeout) = timeout else { return quote!(::core::option::Option::None) };
    let (constructor, number) = match timeout.subsec_micros() {
        0 => (quote!(from_secs), u128::from(timeout.as_secs())),
        micros if micros % 1_000 == 0 => (quote!(from_millis), timeout.as_millis()),
        _ => (quote!(from_micros), timeout.as_micros()),
    };
    let number = Literal::u128_unsuffixed(number);
    quote!(::core::option::Option::Some(::core::time::Duration::#constructor(#number)))
}
