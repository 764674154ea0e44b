use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::codec::encode;
use crate::contract::{Contract, Method, validation};

/// A part of a description.
///
/// A part is encoded as an array: its kind and its contents. Decoding ignores additional elements.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// `["contract", ...]`: a trait without its methods, which follow.
    Contract(Contract),
    /// `["method", ...]`: a method of the preceding trait.
    Method(Method),
    /// `["doc", text]`: more documentation of the preceding trait or method.
    Doc(Cow<'static, str>),
    /// A part that a later version may send. It is skipped.
    Unknown,
}

/// A text of a contract.
type Text = Cow<'static, str>;

const CONTRACT: &str = "contract";
const METHOD: &str = "method";
const DOC: &str = "doc";

/// The length of a part of documentation without the text: an array, the kind, and the text's
/// length.
const DOC_OVERHEAD: usize = 1 + 1 + DOC.len() + 5;

/// The minimum length of the text in a part of documentation, even on very small pages. Otherwise a
/// description would have more parts than peers accept.
const MIN_DOC_LEN: usize = 128;

/// Splits a contract into parts of `room` bytes. Only documentation is split.
pub(super) fn split_contract(contract: &Contract, room: usize, parts: &mut Vec<Part>) {
    let Contract { name, namespace, doc, generics, bounds, types, methods } = contract;
    let head = |doc| {
        Part::Contract(Contract {
            name: name.clone(),
            namespace: namespace.clone(),
            doc,
            generics: generics.clone(),
            bounds: bounds.clone(),
            types: types.clone(),
            methods: Cow::Borrowed(&[]),
        })
    };
    push_with_doc(doc.clone(), room, head, parts);
    for method in &**methods {
        let undocumented = Method { doc: Cow::Borrowed(""), ..method.clone() };
        push_with_doc(method.doc.clone(), room, |doc| Part::Method(Method { doc, ..undocumented.clone() }), parts);
    }
}

/// Pushes a head with the documentation that fits, and parts for the rest.
fn push_with_doc(doc: Text, room: usize, head: impl Fn(Text) -> Part, parts: &mut Vec<Part>) {
    // A literal in the source is not copied.
    let piece = |range: Range<usize>| match &doc {
        Cow::Borrowed(doc) => Cow::Borrowed(&doc[range]),
        Cow::Owned(doc) => Cow::Owned(doc[range].to_owned()),
    };
    let mut bytes = Vec::new();
    // The length of an empty text takes one byte, and that of another up to five.
    encode(&mut bytes, &head(Cow::Borrowed(""))).expect("a contract consists of text and numbers, and is not deep");
    let mut at = char_boundary(&doc, room.saturating_sub(bytes.len() + 4));
    parts.push(head(piece(0..at)));
    while at < doc.len() {
        let end = at + char_boundary(&doc[at..], room.saturating_sub(DOC_OVERHEAD).max(MIN_DOC_LEN));
        parts.push(Part::Doc(piece(at..end)));
        at = end;
    }
}

/// Returns the last character boundary of a text within its first `len` bytes.
fn char_boundary(text: &str, len: usize) -> usize {
    (0..=len.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Contract(contract) => (CONTRACT, contract).serialize(serializer),
            Self::Method(method) => (METHOD, method).serialize(serializer),
            Self::Doc(text) => (DOC, text).serialize(serializer),
            Self::Unknown => ("",).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part of a description: an array of its kind and its contents")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Part, A::Error> {
        let missing = |len| A::Error::invalid_length(len, &Self);
        let kind: String = array.next_element()?.ok_or_else(|| missing(0))?;
        let part = match &*kind {
            CONTRACT => Part::Contract(array.next_element()?.ok_or_else(|| missing(1))?),
            METHOD => Part::Method(array.next_element()?.ok_or_else(|| missing(1))?),
            DOC => Part::Doc(validation::printable_doc(array.next_element()?.ok_or_else(|| missing(1))?).into()),
            _ => Part::Unknown,
        };
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(part)
    }
}
