use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::expand::generics::{self, TypeGenerics};
use crate::expand::names::Names;
use crate::expand::values;
use crate::model::{Argument, Delivery, Method, Parameter, Passing, Returns, Service, hygienic};
use crate::tokens::located_at;

/// The server: a struct around an implementation of the trait, with a table that says for each wire name how its
/// arguments are decoded and its method is called.
///
/// ```text
/// pub struct GreeterServer<S> { service: Arc<S>, ... }
///
/// impl<S: Greeter + Send + Sync + 'static> Service for GreeterServer<S> {
///     const METHODS: &'static [Method<Self>] = &[
///         Method {
///             name: "sayhi",
///             delivery: Delivery::Maybe,
///             call: |server, incoming| incoming.run(|cx, arguments| {
///                 let name = arguments.take("name")?;
///                 Ok(Value(S::sayhi(&*server.service, cx, name)))
///             }),
///         },
///     ];
/// }
/// ```
pub(super) fn server(service: &Service, names: &Names) -> TokenStream {
    let krate = &service.krate;
    let vis = &service.contract.vis;
    let contract = &service.contract.ident;
    let server = service.server_ident();
    let implementation = names.implementation();
    let TypeGenerics { of_type, declared, used, bounded, predicates, marker } = generics::server(service, names);
    let contract_arguments = generics::of_contract(service);
    let (client, client_arguments) = (service.client_ident(), generics::client_of_server(service, names));
    let types: Vec<_> = service.contract.generics.type_params().map(|parameter| &parameter.ident).collect();
    let name = service.name();
    let about = format!("Serves an implementation of [`{}`].", service.contract.ident);
    let methods = service.methods.iter().map(|method| table_entry(service, method, names));
    let allowed = &service.allowed;
    quote! {
        #[doc = #about]
        #(#allowed)*
        #vis struct #server<#of_type> {
            service: #krate::__private::Arc<#implementation>,
            contract: ::core::marker::PhantomData<fn() -> (#marker)>,
        }

        #[allow(dead_code, reason = "not every program needs each of them")]
        impl<#declared> #server<#used> {
            /// Serves `service`.
            #[must_use]
            #vis fn new(service: #implementation) -> Self
            where
                #implementation: ::core::marker::Sized,
            {
                Self::from_arc(#krate::__private::Arc::new(service))
            }

            /// Serves a service that others hold as well, or one whose type is forgotten, as `Arc<dyn Trait + Send + Sync>`.
            #[must_use]
            #vis fn from_arc(service: #krate::__private::Arc<#implementation>) -> Self {
                Self { service, contract: ::core::marker::PhantomData }
            }
        }

        #[allow(deprecated, reason = "a deprecated method is still served")]
        #[allow(clippy::all, clippy::pedantic, reason = "the user's signatures, which are linted on the trait")]
        impl<#bounded> #krate::Service for #server<#used>
        where
            #implementation: #contract<#contract_arguments> + ::core::marker::Send + ::core::marker::Sync + 'static,
            #(#types: 'static,)*
            #predicates
        {
            const NAME: &'static str = #name;

            const CONTRACT: &'static #krate::__private::contract::Contract =
                <#client<#client_arguments> as #krate::Client>::CONTRACT;

            const METHODS: &'static [#krate::__private::Method<Self>] = &[#(#methods,)*];
        }

        impl<#declared> ::core::clone::Clone for #server<#used> {
            fn clone(&self) -> Self {
                Self::from_arc(::core::clone::Clone::clone(&self.service))
            }
        }

        impl<#declared> ::core::fmt::Debug for #server<#used> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Formatter::write_str(f, ::core::stringify!(#server))
            }
        }
    }
}

/// Where our own names come from: no local of the user's is one of them.
fn site() -> Span {
    Span::mixed_site()
}

fn table_entry(service: &Service, method: &Method, names: &Names) -> TokenStream {
    let krate = &service.krate;
    let Method { wire_name, attrs, .. } = method;
    let cfg = &attrs.cfg;
    let delivery = values::delivery(service, method.delivery);
    let call = if method.is_async { async_call } else { sync_call }(service, method, names);
    quote! {
        #(#cfg)*
        #krate::__private::Method { name: #wire_name, delivery: #delivery, call: #call }
    }
}

/// Decodes the arguments out of the datagram, which they may borrow from, and calls the method on the spot.
fn sync_call(service: &Service, method: &Method, names: &Names) -> TokenStream {
    let (locals, takes) = takes(method);
    let receiver = quote_spanned!(site() => &*server.service);
    let context = quote_spanned!(site() => cx);
    let called = called(service, method, names, &receiver, &context);
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
fn async_call(service: &Service, method: &Method, names: &Names) -> TokenStream {
    let krate = &service.krate;
    let (locals, takes) = takes(method);
    let receiver = quote_spanned!(site() => &*service);
    let context = quote_spanned!(site() => request.context());
    let called = called(service, method, names, &receiver, &context);
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
            (argument_local(index, argument), take)
        })
        .unzip()
}

/// The method called with what was decoded, and its result wrapped into the kind of answer that it is.
fn called(
    service: &Service,
    method: &Method,
    names: &Names,
    receiver: &TokenStream,
    context: &TokenStream,
) -> TokenStream {
    let krate = &service.krate;
    let contract = &service.contract.ident;
    let implementation = names.implementation();
    let contract_arguments = generics::of_contract(service);
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
                let local = argument_local(argument_count, argument);
                argument_count += 1;
                match argument.passing {
                    Passing::Direct => quote!(#local),
                    Passing::Lent => quote!(&#local),
                    Passing::LentSlice => quote!(#krate::__private::as_slice(&#local)),
                }
            }
        });
    }
    let awaited = method.is_async.then(|| quote!(.await));
    let returned = quote! {
        <#implementation as #contract<#contract_arguments>>::#ident(#receiver, #(#parameters),*) #awaited
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

fn argument_local(index: usize, argument: &Argument) -> Ident {
    format_ident!("argument{index}", span = hygienic(argument.span))
}
