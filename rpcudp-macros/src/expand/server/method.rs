use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::expand::imports::Imports;
use crate::expand::names::Names;
use crate::expand::{generics, values};
use crate::model::{Contract, Delivery, Execution, Method, Parameter, Passing, Returns, hygienic, unraw};
use crate::probed::probed_type;
use crate::tokens::{is_ident, is_punct, located_at, replace_self_types, with_elided_lifetimes};
use crate::types;

/// Writes a method's entry in the table of the server.
///
/// ```text
/// Method { name: "sayhi", delivery: Delivery::Maybe, call: |server, incoming| ... }
/// ```
pub(super) fn method(contract: &Contract, method: &Method, names: &Names, imports: &mut Imports<'_>) -> TokenStream {
    let Method { wire_name, attrs, .. } = method;
    let cfg = &attrs.cfg;
    let (entry, delivery) = (imports.item("Method"), imports.item("Delivery"));
    let delivery_variant = values::delivery_variant(method.delivery);
    let handler = Handler { contract, method, names, locals: locals(method) };
    let call = match method.execution {
        Execution::Inline => handler.sync_call(imports),
        Execution::Task => handler.async_call(imports),
        Execution::BlockingThread => handler.blocking_call(imports),
    };
    let call = if method.is_secure { over_link(method, &call, imports) } else { call };
    quote! {
        #(#cfg)*
        #entry { name: #wire_name, delivery: #delivery::#delivery_variant, call: #call }
    }
}

/// Refuses requests over the plain wire before a method that needs a link.
///
/// ```text
/// |server, incoming| {
///     let call: fn(&Self, IncomingRequest<'_>) = |server, incoming| ...;
///     if let Some(incoming) = incoming.over_link() {
///         call(server, incoming);
///     }
/// }
/// ```
fn over_link(method: &Method, call: &TokenStream, imports: &mut Imports<'_>) -> TokenStream {
    let incoming_request = imports.item("IncomingRequest");
    let over_link = if method.has_stream() { quote!(over_stream) } else { quote!(over_link) };
    quote_spanned! { site() =>
        |server, incoming| {
            let call: fn(&Self, #incoming_request<'_>) = #call;
            if let ::core::option::Option::Some(incoming) = incoming.#over_link() {
                call(server, incoming);
            }
        }
    }
}

/// The part of the table that decodes the arguments of a method and calls it.
struct Handler<'a> {
    contract: &'a Contract,
    method: &'a Method,
    names: &'a Names,
    /// The locals with the decoded arguments.
    locals: Vec<Ident>,
}

impl Handler<'_> {
    /// Decodes the arguments out of the datagram, which they may borrow from, and calls the method
    /// at once.
    ///
    /// ```text
    /// |server, incoming| incoming.run(|cx, arguments| {
    ///     let name = arguments.take("name")?;
    ///     respond(<S as Greeter>::sayhi(&server.service, as_context(cx), name))
    /// })
    /// ```
    fn sync_call(&self, imports: &mut Imports<'_>) -> TokenStream {
        let (locals, takes) = (&self.locals, self.takes(&quote_spanned!(site() => arguments), imports));
        let (receiver, context) = (quote_spanned!(site() => &server.service), quote_spanned!(site() => cx));
        let response = self.response(imports, receiver, &context);
        let cx = if self.has_context() { context } else { quote!(_) };
        let arguments = if locals.is_empty() { quote!(_) } else { quote_spanned!(site() => arguments) };
        let run = self.at_return_type(&quote!(run));
        quote_spanned! { site() =>
            |server, incoming| incoming.#run(|#cx, #arguments| {
                #(let #locals = #takes?;)*
                #response
            })
        }
    }

    /// Decodes the arguments out of the task's own copy, and calls the method in the task.
    ///
    /// ```text
    /// |server, incoming| {
    ///     let service = Clone::clone(&server.service);
    ///     incoming.spawn(move |request| async move {
    ///         let key = request.arguments().take("key")?;
    ///         respond(<S as Greeter>::lookup(&service, key).await)
    ///     })
    /// }
    /// ```
    fn async_call(&self, imports: &mut Imports<'_>) -> TokenStream {
        let (request, body) = self.body_with_own_arguments(imports);
        let spawn = self.at_return_type(&quote!(spawn));
        quote_spanned! { site() =>
            |server, incoming| {
                let service = ::core::clone::Clone::clone(&server.service);
                incoming.#spawn(move |#request| async move { #body })
            }
        }
    }

    /// Decodes the arguments out of the thread's own copy, and calls the method on that thread.
    ///
    /// ```text
    /// |server, incoming| {
    ///     let service = Clone::clone(&server.service);
    ///     incoming.run_blocking(move |request| {
    ///         let key = request.arguments().take("key")?;
    ///         respond(<S as Greeter>::lookup(&service, key))
    ///     })
    /// }
    /// ```
    fn blocking_call(&self, imports: &mut Imports<'_>) -> TokenStream {
        let (request, body) = self.body_with_own_arguments(imports);
        let run = self.at_return_type(&quote!(run_blocking));
        quote_spanned! { site() =>
            |server, incoming| {
                let service = ::core::clone::Clone::clone(&server.service);
                incoming.#run(move |#request| { #body })
            }
        }
    }

    /// Returns the pattern of an owned request, and the code that decodes its arguments and calls
    /// the method.
    fn body_with_own_arguments(&self, imports: &mut Imports<'_>) -> (TokenStream, TokenStream) {
        let (receiver, context) = (quote_spanned!(site() => &service), quote_spanned!(site() => request.context()));
        let response = self.response(imports, receiver, &context);
        // The decoder is dropped before the `.await`, so that the future does not contain it.
        let decode = match &self.locals[..] {
            [] => None,
            [local] => {
                let takes = self.takes(&quote_spanned!(site() => &mut request.arguments()), imports);
                Some(quote_spanned!(site() => let #local = #(#takes)*?;))
            }
            locals => {
                let takes = self.takes(&quote_spanned!(site() => &mut arguments), imports);
                Some(quote_spanned! { site() =>
                    let (#(#locals),*) = {
                        let mut arguments = request.arguments();
                        (#(#takes?),*)
                    };
                })
            }
        };
        let is_unused = self.locals.is_empty() && !self.has_context();
        let request = if is_unused { quote!(_) } else { quote_spanned!(site() => request) };
        (request, quote!(#decode #response))
    }

    /// Returns the calls that decode the arguments, out of `arguments`. Most types follow from the
    /// signature of the method; a type that decides how it is decoded is named.
    fn takes(&self, arguments: &TokenStream, imports: &mut Imports<'_>) -> Vec<TokenStream> {
        let takes = self.method.arguments().map(|argument| {
            let name = &argument.name;
            let at = hygienic(argument.span);
            if let Some(ty) = probed_type(argument, self.contract) {
                let ty = self.in_server(ty);
                let argument_of = located_at(&imports.item("ArgumentOf"), at);
                return quote_spanned!(at => #argument_of::<#ty>::TYPE.decode(#arguments, #name));
            }
            let arguments = receiver(arguments);
            quote_spanned!(at => #arguments.take(#name))
        });
        takes.collect()
    }

    /// Returns a type of the contract as it is named in the server.
    fn in_server(&self, ty: &Type) -> TokenStream {
        let service = self.names.service();
        let ty = replace_self_types(ty.to_token_stream(), &|name| quote!(#service::#name));
        with_elided_lifetimes(ty)
    }

    /// Calls the method with the decoded arguments, and makes a response of its result.
    fn response(&self, imports: &mut Imports<'_>, receiver: TokenStream, context: &TokenStream) -> TokenStream {
        let method = self.method;
        let (trait_ident, trait_generics) = (&self.contract.item.ident, generics::of_trait(self.contract));
        let service = self.names.service();
        let ident = &method.ident;
        let mut locals = self.locals.iter();
        let mut values = vec![receiver];
        for parameter in &method.parameters {
            values.push(match parameter {
                Parameter::Context { by_reference, is_secure: true, span } => {
                    let secure_context = located_at(&imports.item("secure_context"), hygienic(*span));
                    let context = located_at(context, *span);
                    let reference = by_reference.then(|| quote_spanned!(hygienic(*span) => &));
                    quote_spanned!(hygienic(*span) => #reference #secure_context(#context))
                }
                Parameter::Context { by_reference, span, .. } => {
                    // For a parameter of another type named `Context`, the bound of `as_context`
                    // gives the reason in the compiler's error.
                    let as_context = located_at(&imports.item("as_context"), hygienic(*span));
                    let context = located_at(context, *span);
                    if *by_reference {
                        quote_spanned!(hygienic(*span) => #as_context(#context))
                    } else {
                        quote_spanned!(hygienic(*span) => ::core::clone::Clone::clone(#as_context(#context)))
                    }
                }
                Parameter::Inflow(inflow) => {
                    let function = located_at(&imports.item("inflow"), hygienic(inflow.span));
                    quote_spanned!(hygienic(inflow.span) => #function(#context))
                }
                Parameter::Argument(argument) => {
                    let local = locals.next().expect("each argument has a local");
                    match argument.passing {
                        Passing::ByValue | Passing::Cow => quote!(#local),
                        Passing::ByReference => quote!(&#local),
                        Passing::AsSlice => {
                            let as_slice = imports.item("as_slice");
                            quote!(#as_slice(&#local))
                        }
                    }
                }
            });
        }
        let awaited = method.is_async().then(|| quote!(.await));
        let mut result = self.at_return_type(&quote! {
            <#service as #trait_ident #trait_generics>::#ident(#(#values),*) #awaited
        });
        let respond = match method.returns {
            _ if method.delivery == Delivery::OneWay => imports.item("no_response"),
            Returns::Result(_) if method.returns_items => imports.item("respond_items_result"),
            _ if method.returns_items => imports.item("respond_items"),
            Returns::Value(ref ty) if types::may_be_alias(ty) => {
                // For an alias of `Result`, `IsValue` gives the reason in the compiler's error.
                let (return_of, ty) = (imports.item("ReturnOf"), self.in_server(ty));
                return self.at_return_type(&quote!(#return_of::<#ty>::TYPE.respond(#result)));
            }
            Returns::Value(_) | Returns::Declared(_) => imports.item("respond"),
            Returns::Result(_) => {
                // For a result of another type named `Result`, `IsResult` gives the reason in the
                // compiler's error.
                let is_result = imports.item("IsResult");
                result = self.at_return_type(&quote!(#is_result::into_result(#result)));
                imports.item("respond_result")
            }
        };
        self.at_return_type(&quote!(#respond(#result)))
    }

    fn has_context(&self) -> bool {
        self.method
            .parameters
            .iter()
            .any(|parameter| matches!(parameter, Parameter::Context { .. } | Parameter::Inflow(_)))
    }

    /// Moves the tokens to the method's return type, which the compiler's errors about a response
    /// then point at.
    fn at_return_type(&self, tokens: &TokenStream) -> TokenStream {
        located_at(tokens, hygienic(self.method.returns.ty().span()))
    }
}

/// Returns the span of our own locals. No name of the user's has the same hygiene.
fn site() -> Span {
    Span::mixed_site()
}

/// Returns an expression as the receiver of a method, which the compiler borrows by itself.
fn receiver(arguments: &TokenStream) -> TokenStream {
    let tokens = arguments.clone().into_iter();
    tokens.skip_while(|tree| is_punct(tree, '&') || is_ident(tree, "mut")).collect()
}

/// Returns the locals for the decoded arguments, under the user's names. Their hygiene is that of
/// the call site, so that they do not clash with our own locals. Their span is that of generated
/// code, so that lints do not apply to them.
fn locals(method: &Method) -> Vec<Ident> {
    let mut locals: Vec<Ident> = Vec::new();
    for argument in method.arguments() {
        let mut local = argument.ident.clone();
        // A `macro_rules!` macro can give two arguments one name.
        for number in 2.. {
            if !locals.contains(&local) {
                break;
            }
            local = Ident::new(&format!("{}{number}", unraw(&argument.ident)), Span::call_site());
        }
        local.set_span(Span::call_site().located_at(argument.span));
        locals.push(local);
    }
    locals
}
