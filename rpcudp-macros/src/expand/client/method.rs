use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, GenericParam, Generics, Lifetime, Meta, Type};

use crate::expand::generics::for_client;
use crate::expand::names::Names;
use crate::expand::values;
use crate::model::{Argument, Contract, Delivery, Method, Returns, hygienic};
use crate::tokens::{find, is_ident, is_punct, located_at};

pub(super) fn method(contract: &Contract, method: &Method, names: &Names) -> TokenStream {
    let krate = &contract.krate;
    let vis = &contract.item.vis;
    let Method { ident, wire_name, attrs, .. } = method;
    let (cfg, client_attrs) = (&attrs.cfg, &attrs.client);
    let docs = docs(method);
    let generics = lifetimes(method);
    let parameters = method.arguments().map(|argument| {
        let (ident, ty) = (&argument.ident, for_client(&argument.ty, names));
        quote!(#ident: #ty)
    });
    // Each of its uses is where an error is to point, and not at the attribute.
    let request = Ident::new("request", hygienic(Span::call_site()));
    let arguments = method.arguments().map(|argument| {
        let ident = &argument.ident;
        let at = hygienic(argument.span);
        let request = located_at(&request, at);
        // What is behind a reference is encoded, and not the reference: bytes are known for what they are then.
        let borrow = (!matches!(&*argument.ty, Type::Reference(_))).then(|| quote_spanned!(at => &));
        quote_spanned!(at => #request.argument(#borrow #ident))
    });
    let argument_count = method.arguments().count() as u32;
    let delivery = values::delivery(contract, method.delivery);
    let timeout = values::timeout(contract, method.timeout);
    let ty = for_client(method.returns.ty(), names);
    let at = hygienic(method.returns.ty().span());
    let (returns, call) = match method.returns {
        Returns::Value(_) => (quote!(#krate::Call), quote!(#krate::__private::OutgoingRequest::call)),
        Returns::Result(_) => (quote!(#krate::CallOf), quote!(#krate::__private::OutgoingRequest::fallible_call)),
    };
    let (returns, call) = (located_at(&returns, at), located_at(&call, at));
    let sent = located_at(&request, at);
    let call = quote_spanned!(at => #call(#sent));
    let returns = quote_spanned!(at => #returns<#ty>);
    quote! {
        #(#client_attrs)*
        #docs
        #(#cfg)*
        #vis fn #ident #generics (&self, #(#parameters),*) -> #returns {
            let #request = #krate::__private::Stub::request(&self.stub, {
                static SPEC: #krate::__private::CallSpec =
                    #krate::__private::CallSpec::new(#wire_name, #argument_count, #delivery, #timeout);
                &SPEC
            });
            #(let #request = #arguments;)*
            #call
        }
    }
}

/// What the user says of the method, and then a line that says how it is called.
fn docs(method: &Method) -> TokenStream {
    let Method { wire_name, attrs, delivery, .. } = method;
    let within = match method.timeout {
        Some(timeout) => format!("within {timeout:?}"),
        None => "within the endpoint's timeout".into(),
    };
    let line = match delivery {
        Delivery::Maybe => format!("Calls `{wire_name}`: sent once, answered {within}."),
        Delivery::AtLeastOnce => format!("Calls `{wire_name}` at least once: sent until it is answered, {within}."),
        Delivery::AtMostOnce => format!("Calls `{wire_name}` at most once: sent until it is answered, {within}."),
        Delivery::OneWay => format!("Calls `{wire_name}` one way: sent once, not answered."),
    };
    let is_text = |attr: &Attribute| attr.path().is_ident("doc") && matches!(attr.meta, Meta::NameValue(_));
    let apart = attrs.client.iter().any(is_text).then(|| quote!(#[doc = ""]));
    quote!(#apart #[doc = #line])
}

/// The method's lifetimes as far as its arguments have them: others belong to `&self` and the context, which the client
/// does not pass on.
fn lifetimes(method: &Method) -> Generics {
    let mentioned = |lifetime: &Lifetime| {
        let name = lifetime.ident.to_string();
        let mentions = |argument: &Argument| {
            find(&argument.ty, &|rest| match rest {
                [quote, ident, ..] if is_punct(quote, '\'') && is_ident(ident, &name) => 2,
                _ => 0,
            })
        };
        method.arguments().any(|argument| mentions(argument).is_some())
    };
    let kept = |lifetime: &Lifetime| lifetime.ident == "static" || mentioned(lifetime);
    let lifetimes = method.generics.lifetimes().filter(|parameter| mentioned(&parameter.lifetime)).map(|parameter| {
        let mut parameter = parameter.clone();
        parameter.bounds = parameter.bounds.into_iter().filter(kept).collect();
        GenericParam::Lifetime(parameter)
    });
    Generics { params: lifetimes.collect(), ..Generics::default() }
}
