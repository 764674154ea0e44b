//! Searching and replacing in tokens, at any depth.

use proc_macro2::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};
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

/// Makes `async` and `await` raw where they are names, as they are in edition 2015. No edition has
/// both the names and the keywords, which stand before a function or a block, and behind a dot.
pub(crate) fn with_raw_keywords(tokens: TokenStream) -> TokenStream {
    let trees: Vec<_> = tokens.into_iter().collect();
    let is_name = |at: usize, word: &Ident| {
        let next = trees.get(at + 1);
        if word == "async" {
            return !next.is_some_and(starts_async);
        }
        let is_operator = at > 0 && is_punct(&trees[at - 1], '.');
        let is_call = matches!(next, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
        word == "await" && (!is_operator || is_call)
    };
    let raw = |at: usize| match &trees[at] {
        TokenTree::Ident(word) if is_name(at, word) => Ident::new_raw(&word.to_string(), word.span()).into(),
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), with_raw_keywords(group.stream()));
            inner.set_span(group.span());
            inner.into()
        }
        tree => tree.clone(),
    };
    (0..trees.len()).map(raw).collect()
}

/// Whether the token after `async` is that of an async function, block or closure.
fn starts_async(next: &TokenTree) -> bool {
    let is_block = matches!(next, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    is_block || is_punct(next, '|') || ["fn", "unsafe", "extern", "move"].iter().any(|word| is_ident(next, word))
}

/// Replaces each named lifetime except `'static` by `'_`.
pub(crate) fn with_elided_lifetimes(tokens: TokenStream) -> TokenStream {
    replace_lifetimes(tokens, &|name| name != "static")
}

/// Replaces by `'_` each lifetime that `replaces` names.
pub(crate) fn replace_lifetimes(tokens: TokenStream, replaces: &impl Fn(&Ident) -> bool) -> TokenStream {
    let mut is_lifetime = false;
    let elide = |tree: TokenTree| {
        let was_quote = std::mem::replace(&mut is_lifetime, is_punct(&tree, '\''));
        match tree {
            TokenTree::Ident(name) if was_quote && replaces(&name) => Ident::new("_", name.span()).into(),
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replace_lifetimes(group.stream(), replaces));
                inner.set_span(group.span());
                inner.into()
            }
            tree => tree,
        }
    };
    tokens.into_iter().map(elide).collect()
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
