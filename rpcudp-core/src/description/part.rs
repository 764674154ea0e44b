use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::codec::encode;
use crate::contract::{Contract, Definition, Field, Fields, Method, Shape, Variant, validation};

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
    /// `["type", ...]`: the definition of a type that the preceding trait mentions.
    Type(Definition),
    /// `["fields", [...]]`: more fields of the preceding type, a struct.
    Fields(Cow<'static, [Field]>),
    /// `["variants", [...]]`: more variants of the preceding type, an enum.
    Variants(Cow<'static, [Variant]>),
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
const TYPE: &str = "type";
const FIELDS: &str = "fields";
const VARIANTS: &str = "variants";

/// The length of a part of documentation without the text: an array, the kind, and the text's
/// length.
const DOC_OVERHEAD: usize = 1 + 1 + DOC.len() + 5;

/// The minimum length of the text in a part of documentation, even on very small pages. Otherwise a
/// description would have more parts than peers accept.
const MIN_DOC_LEN: usize = 128;

/// Splits a contract into parts of `room` bytes. Only documentation and types are split.
pub(super) fn split_contract(contract: &Contract, room: usize, parts: &mut Vec<Part>) {
    let Contract { name, namespace, doc, generics, bounds, types, methods, definitions } = contract;
    let head = |doc| {
        Part::Contract(Contract {
            name: name.clone(),
            namespace: namespace.clone(),
            doc,
            generics: generics.clone(),
            bounds: bounds.clone(),
            types: types.clone(),
            methods: Cow::Borrowed(&[]),
            definitions: Cow::Borrowed(&[]),
        })
    };
    push_with_doc(doc.clone(), room, head, parts);
    for method in &**methods {
        let undocumented = Method { doc: Cow::Borrowed(""), ..method.clone() };
        push_with_doc(method.doc.clone(), room, |doc| Part::Method(Method { doc, ..undocumented.clone() }), parts);
    }
    definitions.iter().for_each(|definition| split_definition(definition, room, parts));
}

/// Pushes a definition with the items that fit, and parts for the rest.
fn split_definition(definition: &Definition, room: usize, parts: &mut Vec<Part>) {
    let head = |shape| Part::Type(Definition { shape, ..definition.clone() });
    match &definition.shape {
        Shape::Struct(Fields::Unit) => parts.push(head(Shape::Struct(Fields::Unit))),
        Shape::Struct(Fields::Unnamed(fields)) => {
            split_items(fields, room, |first| head(Shape::Struct(Fields::Unnamed(first))), Part::Fields, parts);
        }
        Shape::Struct(Fields::Named(fields)) => {
            split_items(fields, room, |first| head(Shape::Struct(Fields::Named(first))), Part::Fields, parts);
        }
        Shape::Enum(tagging, variants) => {
            split_items(variants, room, |first| head(Shape::Enum(tagging.clone(), first)), Part::Variants, parts);
        }
    }
}

/// A list of a contract.
type List<T> = Cow<'static, [T]>;

/// Pushes a head with the first items, and parts for the rest. Each part has as many as fit, and
/// one at least, except that the head may have none.
fn split_items<T: Serialize + Clone>(
    items: &List<T>,
    room: usize,
    head: impl Fn(List<T>) -> Part,
    rest: fn(List<T>) -> Part,
    parts: &mut Vec<Part>,
) {
    // A literal in the source is not copied.
    let piece = |range: Range<usize>| match items {
        Cow::Borrowed(items) => Cow::Borrowed(&items[range]),
        Cow::Owned(items) => Cow::Owned(items[range].to_vec()),
    };
    let fitting = |items: &[T], overhead: usize| {
        let mut left = room.saturating_sub(overhead);
        let fits = |item: &&T| {
            let after = left.checked_sub(encoded_len(item));
            left = after.unwrap_or(0);
            after.is_some()
        };
        items.iter().take_while(fits).count()
    };
    let mut at = fitting(items, encoded_len(&head(Cow::Borrowed(&[]))) + LIST_OVERHEAD);
    parts.push(head(piece(0..at)));
    while at < items.len() {
        let end = at + fitting(&items[at..], 2 + VARIANTS.len() + LIST_OVERHEAD).max(1);
        parts.push(rest(piece(at..end)));
        at = end;
    }
}

/// The length of a list's head beyond that of an empty list.
const LIST_OVERHEAD: usize = 4;

fn encoded_len(value: &impl Serialize) -> usize {
    let mut bytes = Vec::new();
    encode(&mut bytes, value).expect("a contract consists of text and numbers, and is not deep");
    bytes.len()
}

/// Pushes a head with the documentation that fits, and parts for the rest.
fn push_with_doc(doc: Text, room: usize, head: impl Fn(Text) -> Part, parts: &mut Vec<Part>) {
    // A literal in the source is not copied.
    let piece = |range: Range<usize>| match &doc {
        Cow::Borrowed(doc) => Cow::Borrowed(&doc[range]),
        Cow::Owned(doc) => Cow::Owned(doc[range].to_owned()),
    };
    // The length of an empty text takes one byte, and that of another up to five.
    let mut at = char_boundary(&doc, room.saturating_sub(encoded_len(&head(Cow::Borrowed(""))) + 4));
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
            Self::Type(definition) => (TYPE, definition).serialize(serializer),
            Self::Fields(fields) => (FIELDS, fields).serialize(serializer),
            Self::Variants(variants) => (VARIANTS, variants).serialize(serializer),
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
            TYPE => Part::Type(array.next_element()?.ok_or_else(|| missing(1))?),
            FIELDS => Part::Fields(Cow::Owned(array.next_element()?.ok_or_else(|| missing(1))?)),
            VARIANTS => Part::Variants(Cow::Owned(array.next_element()?.ok_or_else(|| missing(1))?)),
            DOC => Part::Doc(validation::printable_doc(array.next_element()?.ok_or_else(|| missing(1))?).into()),
            _ => Part::Unknown,
        };
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(part)
    }
}
