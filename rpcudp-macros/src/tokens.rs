//! Looking for something in the tokens of a type, however deep.

use proc_macro2::{Group, Ident, Punct, TokenStream, TokenTree};
use quote::ToTokens;

/// The first tokens in a row that `matches` likes; it sees a token and those that follow it.
pub(crate) fn find(tokens: &impl ToTokens, matches: &impl Fn(&[TokenTree]) -> bool) -> Option<TokenTree> {
    let trees: Vec<_> = tokens.to_token_stream().into_iter().collect();
    trees.iter().enumerate().find_map(|(at, tree)| match tree {
        _ if matches(&trees[at..]) => Some(tree.clone()),
        TokenTree::Group(group) => find(&group.stream(), matches),
        _ => None,
    })
}

/// Replaces `Self::Name` by what `replace` makes of the name.
pub(crate) fn replace_self(tokens: TokenStream, replace: &impl Fn(&Ident) -> TokenStream) -> TokenStream {
    let trees: Vec<_> = tokens.into_iter().collect();
    let mut out = TokenStream::new();
    let mut rest = &trees[..];
    while let Some((first, after)) = rest.split_first() {
        match rest {
            [TokenTree::Ident(this), TokenTree::Punct(one), TokenTree::Punct(two), TokenTree::Ident(name), ..]
                if this == "Self" && is_punct(one, ':') && is_punct(two, ':') =>
            {
                out.extend(replace(name));
                rest = &rest[4..];
                continue;
            }
            [TokenTree::Group(group), ..] => {
                let mut replaced = Group::new(group.delimiter(), replace_self(group.stream(), replace));
                replaced.set_span(group.span());
                out.extend([TokenTree::Group(replaced)]);
            }
            _ => out.extend([first.clone()]),
        }
        rest = after;
    }
    out
}

pub(crate) fn is_ident(tree: Option<&TokenTree>, name: &str) -> bool {
    matches!(tree, Some(TokenTree::Ident(ident)) if ident == name)
}

pub(crate) fn is_punct_tree(tree: Option<&TokenTree>, character: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if is_punct(punct, character))
}

fn is_punct(punct: &Punct, character: char) -> bool {
    punct.as_char() == character
}
