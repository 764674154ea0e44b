//! The types that a method's types lead to, and their part of its fingerprint. All of this runs at
//! compile time.

use std::borrow::Cow;

use super::definition::{Definition, Field, Fields, Shape, Tagging, Variant, slice};
use super::fingerprint::bytes;
use super::fnv::Fnv;

/// A definition, and the definitions of the types that its fields name.
#[doc(hidden)]
#[derive(Debug)]
pub struct Node {
    pub definition: &'static Definition,
    /// The place of the definition: types of one name in two modules are different types.
    pub place: &'static str,
    /// The hash of the definition alone.
    pub hash: u64,
    /// The types that the fields mention, in their order.
    pub parts: &'static [Option<&'static Self>],
}

/// A type that a contract or a definition mentions: `None` if it has no definition.
#[doc(hidden)]
pub type Mention = Option<&'static Node>;

/// Returns the hash of a definition alone.
#[doc(hidden)]
#[must_use]
pub const fn hash(definition: &Definition) -> u64 {
    let hash = Fnv::START.field(bytes(&definition.name)).type_text(bytes(&definition.generics));
    let hash = match &definition.shape {
        Shape::Struct(fields) => hash_fields(hash, fields),
        Shape::Enum(tagging, variants) => {
            let mut hash = match tagging {
                Tagging::External => hash.field(b"external"),
                Tagging::Internal(tag) => hash.field(b"internal").field(bytes(tag)),
                Tagging::Adjacent(tag, content) => hash.field(b"adjacent").field(bytes(tag)).field(bytes(content)),
                Tagging::Untagged => hash.field(b"untagged"),
            };
            let variants: &[Variant] = slice(variants);
            let mut at = 0;
            while at < variants.len() {
                hash = hash_fields(hash.field(bytes(&variants[at].name)), &variants[at].fields);
                at += 1;
            }
            hash
        }
    };
    hash.finish()
}

const fn hash_fields(hash: Fnv, fields: &Fields) -> Fnv {
    let mut hash = match fields {
        Fields::Unit => hash.field(b"unit"),
        Fields::Unnamed(_) => hash.field(b"unnamed"),
        Fields::Named(_) => hash.field(b"named"),
    };
    let fields: &[Field] = fields.list();
    let mut at = 0;
    while at < fields.len() {
        let Field { name, ty, is_optional: _, is_flattened, with } = &fields[at];
        // A reader does without an optional field, so callers of either kind can call the other.
        // The name of a flattened field is not on the wire.
        hash = if *is_flattened { hash.field(b"flatten") } else { hash.field(bytes(name)) };
        hash = hash.type_text(bytes(ty)).type_text(bytes(with));
        at += 1;
    }
    hash.field(b"end")
}

/// The types that a walk has found, each once, in the order of their distance.
struct Walk {
    found: [Mention; MAX_TYPES],
    count: usize,
}

/// The maximum number of types that a method or a contract leads to. Further ones count by name.
pub(super) const MAX_TYPES: usize = 256;

impl Walk {
    /// Finds a type, or adds it. Returns its number, or `None` if there is no room.
    const fn number(&mut self, node: &'static Node) -> Option<usize> {
        let mut at = 0;
        while at < self.count {
            if let Some(found) = self.found[at]
                && found.hash == node.hash
                && is_equal(found.place.as_bytes(), node.place.as_bytes())
            {
                return Some(at);
            }
            at += 1;
        }
        if at == MAX_TYPES {
            return None;
        }
        self.found[at] = Some(node);
        self.count += 1;
        Some(at)
    }

    /// Finds all types that these lead to. Adds the numbers of the types to the hash, in the place
    /// of each mention.
    const fn run(roots: &[Mention]) -> (Self, Fnv) {
        let mut walk = Self { found: [None; MAX_TYPES], count: 0 };
        let mut hash = walk.mentions(Fnv::START, roots);
        let mut at = 0;
        while at < walk.count {
            if let Some(node) = walk.found[at] {
                hash = walk.mentions(hash.number(node.hash), node.parts);
            }
            at += 1;
        }
        (walk, hash)
    }

    const fn mentions(&mut self, mut hash: Fnv, nodes: &[Mention]) -> Fnv {
        let mut at = 0;
        while at < nodes.len() {
            let number = match nodes[at] {
                Some(node) => self.number(node),
                None => None,
            };
            hash = match number {
                Some(number) => hash.number(number as u64),
                None => hash.number(u64::MAX),
            };
            at += 1;
        }
        hash
    }
}

const fn is_equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Returns the hash of the definitions that a method's types lead to. 0 if none has a definition.
#[doc(hidden)]
#[must_use]
pub const fn structure(types: &[Mention]) -> u64 {
    let (walk, hash) = Walk::run(types);
    if walk.count == 0 { 0 } else { hash.finish() }
}

/// Returns the number of definitions that the types of a contract lead to.
#[doc(hidden)]
#[must_use]
pub const fn definition_count(types: &[Mention]) -> usize {
    Walk::run(types).0.count
}

/// Returns the definitions that the types of a contract lead to. There must be `N` of them.
#[doc(hidden)]
#[must_use]
pub const fn definitions<const N: usize>(types: &[Mention]) -> [Definition; N] {
    let (walk, _) = Walk::run(types);
    let mut definitions = [const { Definition::EMPTY }; N];
    let mut at = 0;
    while at < N {
        if let Some(node) = walk.found[at] {
            // A constant function cannot drop the empty definition.
            std::mem::forget(std::mem::replace(&mut definitions[at], borrowed(node.definition)));
        }
        at += 1;
    }
    definitions
}

/// Returns a definition that borrows from a constant.
const fn borrowed(definition: &'static Definition) -> Definition {
    let Definition { name, generics, shape } = definition;
    let shape = match shape {
        Shape::Struct(Fields::Unit) => Shape::Struct(Fields::Unit),
        Shape::Struct(Fields::Unnamed(fields)) => Shape::Struct(Fields::Unnamed(Cow::Borrowed(slice(fields)))),
        Shape::Struct(Fields::Named(fields)) => Shape::Struct(Fields::Named(Cow::Borrowed(slice(fields)))),
        Shape::Enum(tagging, variants) => Shape::Enum(
            match tagging {
                Tagging::External => Tagging::External,
                Tagging::Internal(tag) => Tagging::Internal(lend(tag)),
                Tagging::Adjacent(tag, content) => Tagging::Adjacent(lend(tag), lend(content)),
                Tagging::Untagged => Tagging::Untagged,
            },
            Cow::Borrowed(slice(variants)),
        ),
    };
    Definition { name: lend(name), generics: lend(generics), shape }
}

#[expect(clippy::ptr_arg, reason = "a constant function cannot dereference a `Cow`")]
const fn lend(text: &'static Cow<'static, str>) -> Cow<'static, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(text) => Cow::Borrowed(text.as_str()),
    }
}
