//! What becomes of the user's attributes.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use syn::{Attribute, Meta};

use crate::model::MethodAttributes;
use crate::tokens::is_punct;

/// The attributes of a method that its relatives share.
pub(super) fn method_attributes(attrs: &[Attribute]) -> MethodAttributes {
    let client = select(attrs, &["doc", "deprecated", "allow", "expect", "cfg_attr"]);
    MethodAttributes {
        cfg: select(attrs, &["cfg"]).collect(),
        client: client.map(|attr| expect_to_allow(&attr)).collect(),
    }
}

/// What the user allows on the trait, and so on its relatives.
pub(super) fn lint_attrs(attrs: &[Attribute]) -> Vec<Attribute> {
    select(attrs, &["allow", "expect"]).map(|attr| expect_to_allow(&attr)).collect()
}

pub(super) fn is_any(attr: &Attribute, names: &[&str]) -> bool {
    names.iter().any(|name| attr.path().is_ident(name))
}

pub(super) fn is_async_trait(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|segment| segment.ident == "async_trait")
}

fn select(attrs: &[Attribute], names: &[&str]) -> impl Iterator<Item = Attribute> {
    attrs.iter().filter(|attr| is_any(attr, names)).cloned()
}

/// The attribute with `allow` for `expect`, on its own or within `cfg_attr`: a relative need not do what is expected of
/// the trait, and an expectation that nothing meets is a warning.
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

/// The same for what stands after the condition of a `cfg_attr`, which may hold others.
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
    fn what_is_expected_of_the_trait_is_allowed_of_its_relatives() {
        let expected: Attribute = parse_quote!(#[expect(clippy::expect_used, reason = "why")]);
        let allowed = quote!(#[allow(clippy::expect_used, reason = "why")]);
        assert_eq!(expect_to_allow(&expected).to_token_stream().to_string(), allowed.to_string());

        let expected: Attribute =
            parse_quote!(#[cfg_attr(expect, expect(deprecated), cfg_attr(b, expect(c)), doc = "d")]);
        let allowed = quote!(#[cfg_attr(expect, allow(deprecated), cfg_attr(b, allow(c)), doc = "d")]);
        assert_eq!(expect_to_allow(&expected).to_token_stream().to_string(), allowed.to_string());
    }
}
