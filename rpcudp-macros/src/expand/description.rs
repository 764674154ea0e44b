use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

use super::imports::Imports;
use super::names::Names;
use super::values;
use crate::model::{Contract, Delivery, Execution, Method, Returns};
use crate::text;

/// Writes the contract as data: a constant of type `&'static Contract`.
///
/// ```text
/// {
///     use ::rpcudp::__private::{list, text};
///     use ::rpcudp::contract::{Contract, Method};
///     const METHODS: &[Method] = &[Method { name: text("sayhi"), wire_name: text("sayhi"), ..Method::EMPTY }];
///     &Contract { name: text("Greeter"), methods: list(METHODS), ..Contract::EMPTY }
/// }
/// ```
pub(super) fn description(contract: &Contract, names: &Names) -> TokenStream {
    let krate = &contract.krate;
    let mut imports = Imports::new(quote!(#krate::contract), names);
    let (contract_type, method_type) = (imports.item("Contract"), imports.item("Method"));
    let bounds = contract.predicates.iter().map(|predicate| text(&text::of(predicate)));
    let types = contract.associated_types.iter().map(|item| {
        let associated_type = imports.item("AssociatedType");
        let (name, bounds) = (text(&item.ident.to_string()), text(&text::of(&item.bounds)));
        quote!(#associated_type { name: #name, bounds: #bounds })
    });
    let fields = [
        field("name", text(&contract.item.ident.to_string())),
        text_field("namespace", &contract.namespace, ""),
        text_field("doc", &documentation(&contract.item.attrs), ""),
        text_field("generics", &text::of(&contract.item.generics.params), ""),
        list_field("bounds", bounds),
        list_field("types", types),
        field("methods", quote!(list(METHODS))),
    ];
    let description = with_defaults(&contract_type, fields);
    let methods: Vec<_> = contract.methods.iter().map(|item| method(item, &mut imports)).collect();
    quote! {{
        use #krate::__private::{list, text};
        #imports
        const METHODS: &[#method_type] = &[#(#methods),*];
        &#description
    }}
}

fn method(method: &Method, imports: &mut Imports<'_>) -> TokenStream {
    let Method { ident, wire_name, attrs, .. } = method;
    let cfg = &attrs.cfg;
    let arguments = method.arguments().map(|argument| {
        let argument_type = imports.item("Argument");
        let name = if argument.is_unnamed { "_".into() } else { argument.ident.to_string() };
        let (name, ty) = (text(&name), text(&text::of(&argument.ty)));
        quote!(#argument_type { name: #name, ty: #ty })
    });
    let arguments = list_field("arguments", arguments);
    let delivery = (method.delivery != Delivery::Maybe).then(|| {
        let (delivery, variant) = (imports.item("Delivery"), values::delivery_variant(method.delivery));
        quote!(delivery: #delivery::#variant)
    });
    let fields = [
        field("name", text(&ident.to_string())),
        field("wire_name", text(wire_name)),
        text_field("doc", &documentation(&attrs.client), ""),
        arguments,
        text_field("returns", &text::of(method.returns.ty()), "()"),
        matches!(method.returns, Returns::Result(_)).then(|| quote!(fallible: true)),
        delivery,
        method.timeout.and_then(|timeout| field("timeout", values::timeout(Some(timeout)))),
        method.is_async().then(|| quote!(is_async: true)),
        method.wait_for_ready.then(|| quote!(wait_for_ready: true)),
        list_field("aliases", method.aliases.iter().map(|alias| text(alias))),
        (method.execution == Execution::BlockingThread).then(|| quote!(is_blocking: true)),
        method.is_secure.then(|| quote!(is_secure: true)),
        method.session.as_ref().map(|pool| {
            let pool = text(pool);
            quote!(session: ::core::option::Option::Some(#pool))
        }),
    ];
    let method = with_defaults(&imports.item("Method"), fields);
    quote!(#(#cfg)* #method)
}

/// Writes a value of a type that has a constant `EMPTY`, which has the value of the fields that are
/// left out.
fn with_defaults<const N: usize>(ty: &TokenStream, fields: [Option<TokenStream>; N]) -> TokenStream {
    let base = fields.iter().any(Option::is_none).then(|| quote!(..#ty::EMPTY));
    let fields = fields.into_iter().flatten();
    quote!(#ty { #(#fields,)* #base })
}

fn field(name: &str, value: TokenStream) -> Option<TokenStream> {
    let name = Ident::new(name, Span::call_site());
    Some(quote!(#name: #value))
}

fn text_field(name: &str, value: &str, default: &str) -> Option<TokenStream> {
    if value == default { None } else { field(name, text(value)) }
}

fn list_field(name: &str, items: impl Iterator<Item = TokenStream>) -> Option<TokenStream> {
    let items: Vec<_> = items.collect();
    if items.is_empty() { None } else { field(name, quote!(list(const { &[#(#items),*] }))) }
}

fn text(text: &str) -> TokenStream {
    quote!(text(#text))
}

/// Returns the text of the documentation among the attributes, without the space that follows `///`
/// on each line.
fn documentation(attrs: &[Attribute]) -> String {
    let text = |attr: &Attribute| match &attr.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    };
    let texts: Vec<_> = attrs.iter().filter_map(text).collect();
    let lines: Vec<_> = texts.iter().flat_map(|text| text.split('\n')).collect();
    let lines: Vec<_> = lines.iter().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}
