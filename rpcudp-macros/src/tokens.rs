//! Searching and replacing in tokens, at any depth.

use proc_macro2::{Group, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// Returns the first run of tokens that matches. `matched_len` gets a token and its successors, and
/// returns the length of the match, or zero.
pub(crate) fn find(tokens: &impl ToTokens, matched_len: &impl Fn(&[TokenTree]) -> usize) -> Option<TokenStream> {
    let trees: Vec<_> = tokens.to_token_stream().into_iter().collect();
    trees.iter().enumerate().find_map(|(at, tree)| match (matched_len(&trees[at..]), tree) {
        (0, TokenTree::Group(group)) => find(&group.stream(), matched_len),
        (0, _) => None,
        (len, _) => Some(trees[at..].iter().take(len).cloned().collect()),
    })
}

/// Returns the same tokens with the same hygiene, moved to a span that errors about them point at.
pub(crate) fn located_at(tokens: &impl ToTokens, at: Span) -> TokenStream {
    let relocate = |mut tree: TokenTree| {
        tree.set_span(tree.span().located_at(at));
        tree
    };
    tokens.to_token_stream().into_iter().map(relocate).collect()
}

/// Replaces each `Self::Name` by the result of `replace` for the name.
pub(crate) fn replace_self_types(tokens: TokenStream, replace: &impl Fn(&Ident) -> TokenStream) -> TokenStream {
    let trees: Vec<_> = tokens.into_iter().collect();
    let mut out = TokenStream::new();
    let mut rest = &trees[..];
    while let Some((first, after)) = rest.split_first() {
        if let Some(name) = self_type_name(rest) {
            out.extend(replace(name));
            rest = &rest[4..];
            continue;
        }
        match first {
            TokenTree::Group(group) => {
                let mut replaced = Group::new(group.delimiter(), replace_self_types(group.stream(), replace));
                replaced.set_span(group.span());
                out.extend([TokenTree::Group(replaced)]);
            }
            tree => out.extend([tree.clone()]),
        }
        rest = after;
    }
    out
}

/// Returns the name of the type if the tokens start with `Self::Name`.
pub(crate) fn self_type_name(rest: &[TokenTree]) -> Option<&Ident> {
    match rest {
        [this, TokenTree::Punct(one), two, TokenTree::Ident(name), ..]
            if is_ident(this, "Self")
                && one.as_char() == ':'
                && one.spacing() == Spacing::Joint
                && is_punct(two, ':') =>
        {
            Some(name)
        }
        _ => None,
    }
}

pub(crate) fn is_ident(tree: &TokenTree, name: &str) -> bool {
    matches!(tree, TokenTree::Ident(ident) if ident == name)
}

pub(crate) fn is_punct(tree: &TokenTree, character: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == character)
}
