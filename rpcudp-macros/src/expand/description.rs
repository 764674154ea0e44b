use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

use crate::expand::values;
use crate::model::{Contract, Method, Returns};
use crate::text;

/// The contract as data, of type `&'static Contract`: texts, and no call of anything.
///
/// ```text
/// &Contract {
///     name: text("Greeter"),
///     methods: { const METHODS: &[Method] = &[Method { name: text("sayhi"), ... }]; list(METHODS) },
///     ...
/// }
/// ```
pub(super) fn description(contract: &Contract) -> TokenStream {
    let krate = &contract.krate;
    let namespace = &contract.namespace;
    let name = contract.item.ident.to_string();
    let doc = documentation(&contract.item.attrs);
    let generics = text::of(&contract.item.generics.params);
    let bounds = contract.predicates.iter().map(text::of);
    let types = contract.associated_types.iter().map(|item| {
        let (name, bounds) = (item.ident.to_string(), text::of(&item.bounds));
        quote!(contract::AssociatedType { name: text(#name), bounds: text(#bounds) })
    });
    let methods = contract.methods.iter().map(|method| describe(contract, method));
    quote! {{
        use #krate::__private::{Text, contract, list, text};
        const BOUNDS: &[Text] = &[#(text(#bounds),)*];
        const TYPES: &[contract::AssociatedType] = &[#(#types,)*];
        const METHODS: &[contract::Method] = &[#(#methods,)*];
        &contract::Contract {
            name: text(#name),
            namespace: text(#namespace),
            doc: text(#doc),
            generics: text(#generics),
            bounds: list(BOUNDS),
            types: list(TYPES),
            methods: list(METHODS),
        }
    }}
}

fn describe(contract: &Contract, method: &Method) -> TokenStream {
    let Method { ident, wire_name, attrs, is_async, .. } = method;
    let (name, doc) = (ident.to_string(), documentation(&attrs.client));
    let cfg = &attrs.cfg;
    let returns = text::of(method.returns.ty());
    let fallible = matches!(method.returns, Returns::Result(_));
    let delivery = values::delivery(contract, method.delivery);
    let timeout = values::timeout(contract, method.timeout);
    let arguments = method.arguments().map(|argument| {
        let (name, ty) = (argument.ident.to_string(), text::of(&argument.ty));
        quote!(contract::Argument { name: text(#name), ty: text(#ty) })
    });
    quote! {
        #(#cfg)*
        contract::Method {
            name: text(#name),
            wire_name: text(#wire_name),
            doc: text(#doc),
            arguments: {
                const ARGUMENTS: &[contract::Argument] = &[#(#arguments,)*];
                list(ARGUMENTS)
            },
            returns: text(#returns),
            fallible: #fallible,
            delivery: #delivery,
            timeout: #timeout,
            is_async: #is_async,
        }
    }
}

/// What the documentation among the attributes says, as far as it is text: a space at the start of each line is that
/// after `///`.
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
