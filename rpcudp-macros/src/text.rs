//! The text of Rust tokens, spaced as people write it.

use proc_macro2::{Delimiter, Punct, Spacing, TokenTree};
use quote::ToTokens;

/// Returns the text of a type or a bound, spaced as rustfmt does. The text does not depend on the
/// compiler, as that of `TokenStream::to_string` may.
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

/// The kind of the last token, which decides whether a space follows.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Last {
    /// The start, or a token that no space follows: an opening bracket, `<`, `&`, `::`.
    #[default]
    Tight,
    /// A token that a space always follows: `,`, `=`, `+`, `->`, a single `:`.
    Loose,
    /// A name or a literal.
    Word,
    /// A word that a space separates from a bracket: `mut`, `dyn`, a lifetime.
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
                    // The invisible group that `macro_rules!` puts around a type.
                    Delimiter::None => return self.write_all(group.stream()),
                };
                self.push(open, matches!(self.last, Last::Loose | Last::Apart), Last::Tight);
                self.write_all(group.stream());
                self.push(close, false, Last::Closed);
            }
            TokenTree::Ident(word) => {
                let space = !matches!(self.last, Last::Tight | Last::Quote);
                // A macro's `$crate` is `crate` to the reader of its contract.
                let word = word.to_string().replace('$', "");
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
            // The first half of `::`, at the start of a path or inside it.
            (':', last) if joint => (last == Last::Loose || last == Last::Apart, Last::Colon),
            (',' | ';' | ':', _) => (false, Last::Loose),
            ('>', Last::Dash) => (false, Last::Loose),
            ('-', _) if joint => (after_word, Last::Dash),
            // A product, not a pointer or reference.
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
    fn text_of_a_type_is_spaced_as_people_write_it() {
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
            // The same tokens without their original spacing.
            let apart = TokenStream::from_str(&tokens.to_string()).unwrap();
            assert_eq!(of(&apart), text);
        }
    }
}
