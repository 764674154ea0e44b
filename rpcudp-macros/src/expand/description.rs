use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Attribute, Expr, ExprLit, GenericParam, Lit, Meta, PathArguments, Type};

use super::imports::Imports;
use super::names::Names;
use super::values;
use crate::model::{Contract, Delivery, Execution, Method, Returns, unraw};
use crate::schema::{expand, mentions};
use crate::text;
use crate::tokens::located_at;
use crate::types::{error_span, path};

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
///
/// A type of an argument or a result may have a definition, which only the compiler knows. Then
/// there are constants for the definitions too:
///
/// ```text
/// use ::rpcudp::__private::schema::NoSchema as __NoSchema;
/// const TYPES: &[Mention] = &[Probe::<Player>::LEVEL_8];
/// const DEFINITIONS: &[Definition] = &definitions::<{ definition_count(TYPES) }>(TYPES);
/// ```
pub(super) fn description(contract: &Contract, names: &Names) -> TokenStream {
    let krate = &contract.krate;
    let mut imports = Imports::new(quote!(#krate::contract), names);
    let (contract_type, method_type) = (imports.item("Contract"), imports.item("Method"));
    let schema = quote!(#krate::__private::schema);
    let [list_of_methods, list_of_types, list_of_definitions] =
        ["METHODS", "TYPES", "DEFINITIONS"].map(|name| names.local_item(name));
    let mentions: Vec<_> = contract.methods.iter().map(|item| mentioned_types(item, contract, &schema)).collect();
    let types_of_methods: Vec<_> = contract
        .methods
        .iter()
        .zip(&mentions)
        .flat_map(|(item, mentions)| {
            let cfg = &item.attrs.cfg;
            mentions.iter().map(move |mention| quote!(#(#cfg)* #mention))
        })
        .collect();
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
        field("methods", quote!(list(#list_of_methods))),
        (!types_of_methods.is_empty()).then(|| quote!(definitions: list(#list_of_definitions))),
    ];
    let description = with_defaults(&contract_type, fields);
    let methods = contract.methods.iter().zip(&mentions);
    let methods: Vec<_> = methods.map(|(item, mentions)| method(item, mentions, &schema, &mut imports)).collect();
    let definitions = (!types_of_methods.is_empty()).then(|| {
        let import = expand::import(&schema);
        quote! {
            #import
            const #list_of_types: &[#schema::Mention] = &[#(#types_of_methods),*];
            const #list_of_definitions: &[#schema::Definition] =
                &#schema::definitions::<{ #schema::definition_count(#list_of_types) }>(#list_of_types);
        }
    });
    quote! {{
        use #krate::__private::{list, text};
        #imports
        #definitions
        const #list_of_methods: &[#method_type] = &[#(#methods),*];
        &#description
    }}
}

/// Whether a type is `Result<T, E>`, under this name.
fn names_its_parts(ty: &Type) -> bool {
    let last = path(ty).and_then(|path| path.segments.last());
    last.is_some_and(|segment| match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => segment.ident == "Result" && arguments.args.len() == 2,
        _ => false,
    })
}

/// Returns the definitions of the types that a method mentions, as far as the compiler finds some.
///
/// A type that depends on a parameter of the trait has no definition that all clients share.
fn mentioned_types(method: &Method, contract: &Contract, schema: &TokenStream) -> Vec<TokenStream> {
    let parameters = contract.item.generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Type(parameter) => Some(unraw(&parameter.ident)),
        GenericParam::Const(parameter) => Some(unraw(&parameter.ident)),
        GenericParam::Lifetime(_) => None,
    });
    let names: Vec<_> = parameters.chain(["Self".to_owned()]).collect();
    let is_free = |ty: &Type| !mentions::mentions_any(ty, &names);
    let mut types = Vec::new();
    for argument in method.arguments().chain(method.inflow()) {
        mentions::collect(&argument.ty, &is_free, &mut types);
    }
    let returns = method.returns.ty();
    mentions::collect(returns, &is_free, &mut types);
    let level = expand::top_level();
    let mut probes: Vec<_> = types.into_iter().map(|ty| quote!(#schema::Probe::<#ty>::#level)).collect();
    // An alias of `Result` hides its parts.
    if matches!(method.returns, Returns::Result(_)) && !names_its_parts(returns) && is_free(returns) {
        let (krate, ty) = (&contract.krate, mentions::mention(returns));
        for part in ["Value", "Error"] {
            let part = Ident::new(part, Span::call_site());
            let probe = quote!(#schema::Probe::<<#ty as #krate::__private::IsResult>::#part>::#level);
            // If it is no `Result`, the compiler reports that at this place anyway.
            probes.push(located_at(&probe, error_span(returns)));
        }
    }
    probes
}

fn method(method: &Method, mentions: &[TokenStream], schema: &TokenStream, imports: &mut Imports<'_>) -> TokenStream {
    let Method { ident, wire_name, attrs, .. } = method;
    let cfg = &attrs.cfg;
    let arguments = method.arguments().chain(method.inflow()).map(|argument| {
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
        (!mentions.is_empty()).then(|| quote!(structure: #schema::structure(&[#(#mentions),*]))),
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
