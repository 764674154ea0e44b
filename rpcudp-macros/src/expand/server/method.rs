use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::expand::generics;
use crate::expand::names::Names;
use crate::expand::values;
use crate::model::{Argument, Contract, Delivery, Method, Parameter, Passing, Returns, hygienic};
use crate::tokens::located_at;

/// Where our own names come from: no local of the user's is one of them.
fn site() -> Span {
    Span::mixed_site()
}

pub(super) fn method(contract: &Contract, method: &Method, names: &Names) -> TokenStream {
    let krate = &contract.krate;
    let Method { wire_name, attrs, .. } = method;
    let cfg = &attrs.cfg;
    let delivery = values::delivery(contract, method.delivery);
    let call = if method.is_async { async_call } else { sync_call }(contract, method, names);
    quote! {
        #(#cfg)*
        #krate::__private::Method { name: #wire_name, delivery: #delivery, call: #call }
    }
}

/// Decodes the arguments out of the datagram, which they may borrow from, and calls the method on the spot.
fn sync_call(contract: &Contract, method: &Method, names: &Names) -> TokenStream {
    let (locals, takes) = takes(method);
    let receiver = quote_spanned!(site() => &*server.service);
    let context = quote_spanned!(site() => cx);
    let called = called(contract, method, names, &receiver, &context);
    // The answer has to be encoded: where its type cannot be, this is what the compiler complains of.
    let run = quote_spanned!(hygienic(method.returns.ty().span()) => run);
    quote_spanned! { site() =>
        |server, incoming| incoming.#run(|cx, arguments| {
            let _ = (&cx, &arguments);
            #(let #locals = #takes?;)*
            ::core::result::Result::Ok(#called)
        })
    }
}

/// Decodes the arguments out of a copy that the task has for itself, and calls the method there.
fn async_call(contract: &Contract, method: &Method, names: &Names) -> TokenStream {
    let krate = &contract.krate;
    let (locals, takes) = takes(method);
    let receiver = quote_spanned!(site() => &*service);
    let context = quote_spanned!(site() => request.context());
    let called = called(contract, method, names, &receiver, &context);
    let spawn = quote_spanned!(hygienic(method.returns.ty().span()) => spawn);
    quote_spanned! { site() =>
        |server, incoming| {
            let service = ::core::clone::Clone::clone(&server.service);
            incoming.#spawn(move |request| async move {
                let (#(#locals,)*) = {
                    let mut arguments = request.arguments();
                    let _ = &mut arguments;
                    (#(#takes?,)*)
                };
                ::core::result::Result::<_, #krate::__private::ArgumentError>::Ok(#called)
            })
        }
    }
}

/// The locals that the arguments are decoded into, and how they are. Their types follow from the method's signature.
fn takes(method: &Method) -> (Vec<Ident>, Vec<TokenStream>) {
    let arguments = method.arguments().enumerate();
    arguments
        .map(|(index, argument)| {
            let name = &argument.name;
            let take = quote_spanned!(hygienic(argument.span) => arguments.take(#name));
            (local_ident(index, argument), take)
        })
        .unzip()
}

/// The method called with what was decoded, and its result wrapped into the kind of answer that it is.
fn called(
    contract: &Contract,
    method: &Method,
    names: &Names,
    receiver: &TokenStream,
    context: &TokenStream,
) -> TokenStream {
    let krate = &contract.krate;
    let trait_ident = &contract.item.ident;
    let service = names.service();
    let trait_arguments = generics::of_contract(contract);
    let ident = &method.ident;
    let mut argument_count = 0;
    let mut parameters = Vec::new();
    for parameter in &method.parameters {
        parameters.push(match parameter {
            Parameter::Context { by_reference, span } => {
                // Fails to compile, and says why, where the method wants another type called `Context`.
                let as_context = located_at(&quote!(#krate::__private::as_context), hygienic(*span));
                let context = located_at(context, *span);
                if *by_reference {
                    quote_spanned!(hygienic(*span) => #as_context(#context))
                } else {
                    quote_spanned!(hygienic(*span) => ::core::clone::Clone::clone(#as_context(#context)))
                }
            }
            Parameter::Argument(argument) => {
                let local = local_ident(argument_count, argument);
                argument_count += 1;
                match argument.passing {
                    Passing::ByValue => quote!(#local),
                    Passing::ByReference => quote!(&#local),
                    Passing::AsSlice => quote!(#krate::__private::as_slice(&#local)),
                }
            }
        });
    }
    let awaited = method.is_async.then(|| quote!(.await));
    let returned = quote! {
        <#service as #trait_ident<#trait_arguments>>::#ident(#receiver, #(#parameters),*) #awaited
    };
    let at = hygienic(method.returns.ty().span());
    let returned = located_at(&returned, at);
    match method.returns {
        _ if method.delivery == Delivery::OneWay => quote!(#krate::__private::NoResponse(#returned)),
        Returns::Value(_) => quote!(#krate::__private::Value(#returned)),
        Returns::Result(_) => {
            let into_result = located_at(&quote!(#krate::__private::IsResult::into_result), at);
            let into_result = quote_spanned!(at => #into_result(#returned));
            quote!(#krate::__private::Fallible(#into_result))
        }
    }
}

fn local_ident(index: usize, argument: &Argument) -> Ident {
    format_ident!("argument{index}", span = hygienic(argument.span))
}
