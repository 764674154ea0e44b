use proc_macro2::{Literal, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, GenericParam, Generics, Lifetime, Meta, Type};

use crate::expand::generics::for_client;
use crate::expand::imports::Imports;
use crate::expand::names::Names;
use crate::expand::values;
use crate::model::{Argument, Contract, Delivery, Method, Returns, hygienic};
use crate::probed::lent_type;
use crate::tokens::{is_ident, is_punct, located_at, replace_lifetimes, with_elided_lifetimes};
use crate::types;

/// Writes a method of the client.
///
/// ```text
/// pub fn sayhi(&self, name: &str) -> Call<String> {
///     use ::rpcudp::__private::{CallSpec, Delivery, Stub};
///     static SPEC: CallSpec = CallSpec::new("sayhi", 1, Delivery::Maybe, None);
///     Stub::request(&self.stub, &SPEC).argument(name).call()
/// }
/// ```
pub(super) fn method(contract: &Contract, method: &Method, names: &Names) -> TokenStream {
    let krate = &contract.krate;
    let vis = &contract.item.vis;
    let Method { ident, wire_name, attrs, .. } = method;
    let (cfg, client_attrs) = (&attrs.cfg, &attrs.client);
    let docs = docs(method);
    let single = single_lifetimes(method);
    let generics = generics(method, &single);
    let parameters = method.arguments().map(|argument| {
        let (ident, ty) = (&argument.ident, elided(&argument.ty, &single));
        let ty = for_client(&ty, names);
        quote!(#ident: #ty)
    });
    let inflow = method.inflow().map(|inflow| {
        let (ident, at) = (&inflow.ident, hygienic(inflow.span));
        let ty = for_client(&types::with_path(&inflow.ty, &quote!(#krate::Outflow)), names);
        (quote!(#ident: #ty), quote_spanned!(at => .outflow(#ident)))
    });
    let (inflow_parameter, outflow) = inflow.unzip();
    let parameters = parameters.chain(inflow_parameter);
    let mut imports = Imports::new(quote!(#krate::__private), names);
    let (call_spec, delivery, stub) = (imports.item("CallSpec"), imports.item("Delivery"), imports.item("Stub"));
    let delivery_variant = values::delivery_variant(method.delivery);
    let spec = names.local_item("SPEC");
    let argument_count = Literal::usize_unsuffixed(method.arguments().count());
    let timeout = values::timeout(method.timeout);
    let wait_for_ready = method.wait_for_ready.then(|| quote!(.wait_for_ready()));
    let secure = method.is_secure.then(|| quote!(.secure()));
    let arguments = method.arguments().map(|argument| {
        let ident = &argument.ident;
        // Errors about the argument point at its type.
        let at = hygienic(argument.span);
        // The value behind a reference is encoded instead of the reference, so that `&[u8]` is seen
        // to be bytes.
        let borrow = (!matches!(types::ungrouped(&argument.ty), Type::Reference(_))).then(|| quote_spanned!(at => &));
        let Some(ty) = lent_type(argument, contract) else { return quote_spanned!(at => .argument(#borrow #ident)) };
        // For a context under another name, `IsArgument` gives the reason in the compiler's error.
        let argument_of = located_at(&imports.item("ArgumentOf"), at);
        let ty = with_elided_lifetimes(for_client(ty, names));
        quote_spanned!(at => .argument(#argument_of::<#ty>::TYPE.lend(#borrow #ident)))
    });
    let arguments: Vec<_> = arguments.collect();
    let ty = for_client(&returned_type(contract, method), names);
    let (returns, call) = match (&method.returns, method.returns_items) {
        (Returns::Result(_), false) => (quote!(#krate::CallOf), quote!(.fallible_call())),
        (Returns::Result(_), true) => (quote!(#krate::CallOf), quote!(.fallible_stream_call())),
        (_, false) => (quote!(#krate::Call), quote!(.call())),
        (_, true) => (quote!(#krate::Call), quote!(.stream_call())),
    };
    // The type of the call says whether it may be hedged.
    let marker = match (method.delivery, &method.returns) {
        (Delivery::AtLeastOnce, Returns::Result(_)) => Some(quote!(, #krate::AtLeastOnce)),
        (Delivery::AtLeastOnce, _) => Some(quote!(, #krate::NoError, #krate::AtLeastOnce)),
        _ => None,
    };
    // Errors about the response point at its type.
    let at = hygienic(method.returns.ty().span());
    let (returns, call) = (located_at(&returns, at), located_at(&call, at));
    let returns = quote_spanned!(at => #returns<#ty #marker>);
    let request = located_at(&quote!(#stub::request(&self.stub, &#spec)), at);
    quote! {
        #(#client_attrs)*
        #docs
        #(#cfg)*
        #vis fn #ident #generics (&self, #(#parameters),*) -> #returns {
            #imports
            static #spec: #call_spec = #call_spec::new(#wire_name, #argument_count, #delivery::#delivery_variant, #timeout)
                #wait_for_ready #secure;
            #request #(#arguments)* #outflow #call
        }
    }
}

/// Returns the type of a call's value: an `Inflow` for the `Outflow` of the method.
fn returned_type(contract: &Contract, method: &Method) -> TokenStream {
    let (krate, ty) = (&contract.krate, method.returns.ty());
    let inflow = |ty: &Type| types::with_path(ty, &quote!(#krate::Inflow));
    match (&method.returns, types::first_argument(ty)) {
        _ if !method.returns_items => ty.to_token_stream(),
        (Returns::Result(_), Some(first)) => types::with_first_argument(ty, inflow(first)).to_token_stream(),
        _ => inflow(ty),
    }
}

/// Returns a line on the delivery and the timeout, which follows the user's documentation.
fn docs(method: &Method) -> TokenStream {
    let Method { wire_name, attrs, .. } = method;
    let timeout = method.timeout.map_or_else(|| "the endpoint's".to_owned(), |timeout| format!("{timeout:?}"));
    let line = match method.delivery {
        Delivery::Maybe => format!(" Calls `{wire_name}`: sends the request once. Timeout: {timeout}."),
        Delivery::AtLeastOnce => {
            format!(" Calls `{wire_name}` at least once: retransmits until the response. Timeout: {timeout}.")
        }
        Delivery::AtMostOnce => {
            format!(" Calls `{wire_name}` at most once: retransmits until the response. Timeout: {timeout}.")
        }
        Delivery::OneWay => format!(" Calls `{wire_name}` one way: sends the request once, without a response."),
    };
    let more = match method.delivery {
        Delivery::OneWay => Some(" A call that is dropped, also by `let _ =`, is never sent."),
        _ if method.wait_for_ready => Some(" Asks again until the peer is ready."),
        _ => None,
    };
    let secure = method.is_secure.then_some(" Needs a link: a client made by `secure` or `back`.");
    let more = more.into_iter().chain(secure).map(|line| quote!(#[doc = #line]));
    let more: TokenStream = more.collect();
    let is_text = |attr: &Attribute| attr.path().is_ident("doc") && matches!(attr.meta, Meta::NameValue(_));
    let empty_line = attrs.client.iter().any(is_text).then(|| quote!(#[doc = ""]));
    quote!(#empty_line #[doc = #line] #more)
}

/// Returns the method's lifetimes that its arguments mention once. The client's method does not
/// name them, because a lint may forbid that.
fn single_lifetimes(method: &Method) -> Vec<String> {
    let arguments: TokenStream = method.arguments().map(|argument| argument.ty.to_token_stream()).collect();
    let single = method.generics.lifetimes().filter(|parameter| {
        let is_static = parameter.bounds.iter().any(is_static);
        !is_static && count_lifetime(arguments.clone(), &parameter.lifetime.ident.to_string()) == 1
    });
    single.map(|parameter| parameter.lifetime.ident.to_string()).collect()
}

fn is_static(lifetime: &Lifetime) -> bool {
    lifetime.ident == "static"
}

fn count_lifetime(tokens: TokenStream, name: &str) -> usize {
    let trees: Vec<_> = tokens.into_iter().collect();
    let count = |at: usize| match &trees[at] {
        TokenTree::Group(group) => count_lifetime(group.stream(), name),
        tree => usize::from(is_ident(tree, name) && at > 0 && is_punct(&trees[at - 1], '\'')),
    };
    (0..trees.len()).map(count).sum()
}

/// Returns a type with `'_` for these lifetimes.
fn elided(ty: &Type, single: &[String]) -> TokenStream {
    replace_lifetimes(ty.to_token_stream(), &|name| single.contains(&name.to_string()))
}

/// Returns the method's lifetimes that occur in its arguments several times. Others belong to
/// `&self` and the context, which the client's method does not borrow from. So do bounds between
/// lifetimes.
fn generics(method: &Method, single: &[String]) -> Generics {
    let is_used = |lifetime: &Lifetime| {
        let name = lifetime.ident.to_string();
        let occurs = |argument: &Argument| count_lifetime(argument.ty.to_token_stream(), &name) > 0;
        !single.contains(&name) && method.arguments().any(occurs)
    };
    let lifetimes = method.generics.lifetimes().filter(|parameter| is_used(&parameter.lifetime)).map(|parameter| {
        let mut parameter = parameter.clone();
        parameter.bounds = parameter.bounds.into_iter().filter(is_static).collect();
        GenericParam::Lifetime(parameter)
    });
    Generics { params: lifetimes.collect(), ..Generics::default() }
}
