//! Rust as people write it, out of tokens.

use proc_macro2::{Delimiter, Punct, Spacing, TokenTree};
use quote::ToTokens;

/// The tokens of a type or a bound, spaced as rustfmt does. The same tokens give the same text with every compiler,
/// which their own `to_string` does not promise.
pub(crate) fn of(tokens: &impl ToTokens) -> String {
    let mut writer = Writer::default();
    writer.write_all(tokens.to_token_stream());
    writer.out
}

#[derive(Default)]
struct Writer {
    out: String,
    last: Last,
}

/// What was written last, as far as it decides whether a space follows.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Last {
    /// Nothing, or what no space follows: an opening bracket, `<`, `&`, `::`.
    #[default]
    Tight,
    /// What a space always follows: `,`, `=`, `+`, `->`, a single `:`.
    Loose,
    /// A name or a literal.
    Word,
    /// A word that a bracket does not belong to: `mut`, `dyn`, a lifetime.
    Apart,
    /// `>` or a closing bracket.
    Closed,
    /// `'`
    Quote,
    /// The first half of `::`.
    Colon,
    /// The first half of `->`.
    Dash,
}

impl Writer {
    fn write_all(&mut self, tokens: impl IntoIterator<Item = TokenTree>) {
        for tree in tokens {
            self.write(tree);
        }
    }

    fn write(&mut self, tree: TokenTree) {
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{ ", " }"),
                    // What `macro_rules!` puts around a type.
                    Delimiter::None => return self.write_all(group.stream()),
                };
                self.push(open, matches!(self.last, Last::Loose | Last::Apart), Last::Tight);
                self.write_all(group.stream());
                self.push(close, false, Last::Closed);
            }
            TokenTree::Ident(word) => {
                let space = !matches!(self.last, Last::Tight | Last::Quote);
                let word = word.to_string();
                let apart = self.last == Last::Quote || ["mut", "const", "dyn", "impl", "as"].contains(&&*word);
                let last = if apart { Last::Apart } else { Last::Word };
                self.push(&word, space, last);
            }
            TokenTree::Literal(literal) => {
                self.push(&literal.to_string(), self.last != Last::Tight, Last::Word);
            }
            TokenTree::Punct(punct) => self.punct(&punct),
        }
    }

    fn punct(&mut self, punct: &Punct) {
        let joint = punct.spacing() == Spacing::Joint;
        let after_word = !matches!(self.last, Last::Tight | Last::Quote);
        let (space, last) = match (punct.as_char(), self.last) {
            (':', Last::Colon) => (false, Last::Tight),
            // A path that starts with `::`, or one that goes on.
            (':', last) if joint => (last == Last::Loose || last == Last::Apart, Last::Colon),
            (',' | ';' | ':', _) => (false, Last::Loose),
            ('>', Last::Dash) => (false, Last::Loose),
            ('-', _) if joint => (after_word, Last::Dash),
            // A product, and no pointer or reference.
            ('*' | '&', Last::Word | Last::Closed) => (true, Last::Loose),
            ('=' | '+' | '-' | '/' | '%' | '|' | '^', _) => (after_word, Last::Loose),
            ('>', _) => (false, Last::Closed),
            ('<', last) => (matches!(last, Last::Loose | Last::Apart), Last::Tight),
            ('\'', last) => (!matches!(last, Last::Tight), Last::Quote),
            (_, last) => (!matches!(last, Last::Tight | Last::Word), Last::Tight),
        };
        self.push(punct.as_char().encode_utf8(&mut [0; 4]), space, last);
    }

    fn push(&mut self, text: &str, space: bool, last: Last) {
        if space && !self.out.is_empty() {
            self.out.push(' ');
        }
        self.out.push_str(text);
        self.last = last;
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use proc_macro2::TokenStream;

    use super::*;

    #[test]
    fn types_read_as_people_write_them() {
        for text in [
            "u8",
            "&str",
            "&'a mut str",
            "&[u8]",
            "&'a [u8]",
            "&mut [u8]",
            "[u8; 20]",
            "[u8; N + 1]",
            "Option<Vec<u8>>",
            "std::collections::BTreeMap<String, (u8, u16)>",
            "::std::vec::Vec<u8>",
            "Option<::std::vec::Vec<u8>>",
            "<K as Trait<u8>>::Value",
            "Rumour<'_>",
            "Cow<'a, str>",
            "(u8,)",
            "()",
            "Box<dyn Fn(u8, &str) -> Vec<u8> + Send + 'static>",
            "for<'a> fn(&'a u8) -> u8",
            "for<'de> Deserialize<'de> + ?Sized",
            "Iterator<Item = Self::Value>",
            "*const u8",
            "fn(*mut u8)",
            "Matrix<3, { N * 2 }>",
            "Result<r#type::r#fn, String>",
            "K: Serialize + ::core::marker::Send, Self::Value: Clone",
        ] {
            let tokens = TokenStream::from_str(text).unwrap();
            assert_eq!(of(&tokens), text);
            // As they come where each stands on its own.
            let apart = TokenStream::from_str(&tokens.to_string()).unwrap();
            assert_eq!(of(&apart), text);
        }
    }
}
