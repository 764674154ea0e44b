//! The user's attributes that generated code repeats.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token};

use crate::model::MethodAttributes;
use crate::tokens::is_punct;

/// Returns the attributes of a method that generated code repeats.
pub(super) fn method_attributes(attrs: &[Attribute]) -> MethodAttributes {
    let client = select(attrs, &["doc", "deprecated", "allow", "expect", "cfg_attr"]);
    MethodAttributes {
        cfg: attrs.iter().filter_map(cfg_of).collect(),
        client: client.map(|attr| expect_to_allow(&attr)).collect(),
    }
}

/// Returns the lints that the user allows on the trait, and so on the client and the server.
pub(super) fn lint_attrs(attrs: &[Attribute]) -> Vec<Attribute> {
    select(attrs, &["allow", "expect"]).map(|attr| expect_to_allow(&attr)).collect()
}

pub(super) fn is_any(attr: &Attribute, names: &[&str]) -> bool {
    names.iter().any(|name| attr.path().is_ident(name))
}

pub(super) fn is_async_trait(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|segment| segment.ident == "async_trait")
}

/// Returns the part of an attribute that decides whether the method exists: a `cfg`, or a
/// `cfg_attr` that adds one, without the other attributes that it adds.
fn cfg_of(attr: &Attribute) -> Option<Attribute> {
    if attr.path().is_ident("cfg") {
        return Some(attr.clone());
    }
    let mut attr = attr.clone();
    attr.meta = cfg_of_meta(&attr.meta)?;
    Some(attr)
}

fn cfg_of_meta(meta: &Meta) -> Option<Meta> {
    let Meta::List(list) = meta else { return None };
    if list.path.is_ident("cfg") {
        return Some(meta.clone());
    }
    if !list.path.is_ident("cfg_attr") {
        return None;
    }
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    let mut parts = parts.iter();
    let condition = parts.next()?;
    let cfgs: Vec<_> = parts.filter_map(cfg_of_meta).collect();
    if cfgs.is_empty() {
        return None;
    }
    let mut list = list.clone();
    list.tokens = quote!(#condition, #(#cfgs),*);
    Some(Meta::List(list))
}

fn select(attrs: &[Attribute], names: &[&str]) -> impl Iterator<Item = Attribute> {
    attrs.iter().filter(|attr| is_any(attr, names)).cloned()
}

/// Replaces `expect` by `allow`, also within `cfg_attr`. Generated code need not trigger the lint
/// that the trait triggers, and an unfulfilled expectation is a warning.
fn expect_to_allow(attr: &Attribute) -> Attribute {
    let mut attr = attr.clone();
    let is_conditional = attr.path().is_ident("cfg_attr");
    if let Meta::List(list) = &mut attr.meta {
        if let Some(expect) = list.path.segments.first_mut().filter(|segment| segment.ident == "expect") {
            expect.ident = Ident::new("allow", expect.ident.span());
        }
        if is_conditional {
            list.tokens = allow_in_cfg_attr(std::mem::take(&mut list.tokens));
        }
    }
    attr
}

/// Does the same for the attributes of a `cfg_attr`, which may hold another `cfg_attr`.
fn allow_in_cfg_attr(tokens: TokenStream) -> TokenStream {
    let mut starts_attribute = false;
    let allow = |tree: TokenTree| {
        let was_start = std::mem::replace(&mut starts_attribute, is_punct(&tree, ','));
        match tree {
            TokenTree::Ident(name) if was_start && name == "expect" => Ident::new("allow", name.span()).into(),
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), allow_in_cfg_attr(group.stream()));
                inner.set_span(group.span());
                inner.into()
            }
            tree => tree,
        }
    };
    tokens.into_iter().map(allow).collect()
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens, quote};
    use syn::parse_quote;

    use super::*;

    #[test]
    fn expect_becomes_allow_also_within_cfg_attr() {
        let expected: Attribute = parse_quote!(#[expect(clippy::expect_used, reason = "why")]);
        let allowed = quote!(#[allow(clippy::expect_used, reason = "why")]);
        assert_eq!(expect_to_allow(&expected).to_token_stream().to_string(), allowed.to_string());

        let expected: Attribute =
            parse_quote!(#[cfg_attr(expect, expect(deprecated), cfg_attr(b, expect(c)), doc = "d")]);
        let allowed = quote!(#[cfg_attr(expect, allow(deprecated), cfg_attr(b, allow(c)), doc = "d")]);
        assert_eq!(expect_to_allow(&expected).to_token_stream().to_string(), allowed.to_string());
    }
}
