use std::borrow::Cow;
use std::fmt;

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
pub(super) fn split_contract(contract: &'static Contract, room: usize, parts: &mut Vec<Part>) {
    let Contract { name, namespace, doc, generics, bounds, types, methods } = contract;
    let lend = Cow::Borrowed;
    let head = |doc| {
        Part::Contract(Contract {
            name: lend(name),
            namespace: lend(namespace),
            doc: lend(doc),
            generics: lend(generics),
            bounds: Cow::Borrowed(bounds),
            types: Cow::Borrowed(types),
            methods: Cow::Borrowed(&[]),
        })
    };
    push_with_doc(doc, room, head, parts);
    for method in &**methods {
        let Method {
            name,
            wire_name,
            doc,
            arguments,
            returns,
            fallible,
            delivery,
            timeout,
            is_async,
            wait_for_ready,
            aliases,
            is_blocking,
        } = method;
        let head = |doc| {
            Part::Method(Method {
                name: lend(name),
                wire_name: lend(wire_name),
                doc: lend(doc),
                arguments: Cow::Borrowed(arguments),
                returns: lend(returns),
                fallible: *fallible,
                delivery: *delivery,
                timeout: *timeout,
                is_async: *is_async,
                wait_for_ready: *wait_for_ready,
                aliases: Cow::Borrowed(aliases),
                is_blocking: *is_blocking,
            })
        };
        push_with_doc(doc, room, head, parts);
    }
}

/// Pushes a head with the documentation that fits, and parts for the rest.
fn push_with_doc(doc: &'static str, room: usize, head: impl Fn(&'static str) -> Part, parts: &mut Vec<Part>) {
    let mut bytes = Vec::new();
    // The length of an empty text takes one byte, and that of another up to five.
    encode(&mut bytes, &head("")).expect("a contract consists of text and numbers, and is not deep");
    let (first, mut rest) = split_at_char(doc, room.saturating_sub(bytes.len() + 4));
    parts.push(head(first));
    while !rest.is_empty() {
        let (piece, others) = split_at_char(rest, room.saturating_sub(DOC_OVERHEAD).max(MIN_DOC_LEN));
        parts.push(Part::Doc(piece.into()));
        rest = others;
    }
}

/// Splits a text after at most `len` bytes, at a character boundary.
fn split_at_char(text: &str, len: usize) -> (&str, &str) {
    let at = (0..=len.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    text.split_at(at.unwrap_or(0))
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
