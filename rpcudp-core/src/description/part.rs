use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::codec::encode;
use crate::contract::{Contract, Method, validation};

/// What a description is cut into.
///
/// As data it is an array: its kind, and what it holds. What is read may have more elements, which are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// `["contract", ...]`: a trait, without its methods. They follow.
    Contract(Contract),
    /// `["method", ...]`: a method of the last trait.
    Method(Method),
    /// `["doc", text]`: more documentation of what came before.
    Doc(Cow<'static, str>),
    /// Something of a later version, to be skipped.
    Unknown,
}

const CONTRACT: &str = "contract";
const METHOD: &str = "method";
const DOC: &str = "doc";

/// What a part of documentation has around the text: an array, its kind, and the text's length.
const AROUND_DOC_LEN: usize = 1 + 1 + DOC.len() + 5;

/// The least that a part of documentation has of it, however small a page is: otherwise there would be more parts than
/// anybody reads.
const MIN_DOC_LEN: usize = 128;

/// Cuts a contract into parts of `room` bytes, as far as its documentation is what takes more.
pub(super) fn cut(contract: &'static Contract, room: usize, parts: &mut Vec<Part>) {
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
    cut_doc(doc, room, head, parts);
    for Method { name, wire_name, doc, arguments, returns, fallible, delivery, timeout, is_async } in &**methods {
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
            })
        };
        cut_doc(doc, room, head, parts);
    }
}

/// A head with as much documentation as there is room for, and parts for the rest.
fn cut_doc(doc: &'static str, room: usize, head: impl Fn(&'static str) -> Part, parts: &mut Vec<Part>) {
    let mut bytes = Vec::new();
    // An empty text has a length of one byte, and another may have one of five.
    encode(&mut bytes, &head("")).expect("a contract is text and numbers, and not deep");
    let (first, mut rest) = split(doc, room.saturating_sub(bytes.len() + 4));
    parts.push(head(first));
    while !rest.is_empty() {
        let (piece, others) = split(rest, room.saturating_sub(AROUND_DOC_LEN).max(MIN_DOC_LEN));
        parts.push(Part::Doc(piece.into()));
        rest = others;
    }
}

/// The first bytes of a text, at most `len` and no character in two, and the rest.
fn split(text: &str, len: usize) -> (&str, &str) {
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
        f.write_str("a part of a description: an array of its kind and what it holds")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Part, A::Error> {
        let missing = |len| A::Error::invalid_length(len, &Self);
        let kind: String = array.next_element()?.ok_or_else(|| missing(0))?;
        let part = match &*kind {
            CONTRACT => Part::Contract(array.next_element()?.ok_or_else(|| missing(1))?),
            METHOD => Part::Method(array.next_element()?.ok_or_else(|| missing(1))?),
            DOC => Part::Doc(validation::documentation(array.next_element()?.ok_or_else(|| missing(1))?).into()),
            _ => Part::Unknown,
        };
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(part)
    }
}
