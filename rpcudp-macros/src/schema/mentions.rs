//! The types that a type mentions: itself, and the arguments of generics.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{GenericArgument, PathArguments, Type};

use crate::model::unraw;
use crate::tokens::{find, is_ident, with_elided_lifetimes};
use crate::types::{is_name, may_be_alias, path, ungrouped};

/// Collects the types that may have a definition: all names besides those of the standard library.
///
/// `is_free` tells whether a type may stand outside the item that declares its parameters.
pub(crate) fn collect(ty: &Type, is_free: &impl Fn(&Type) -> bool, mentions: &mut Vec<TokenStream>) {
    match ungrouped(ty) {
        Type::Array(array) => collect(&array.elem, is_free, mentions),
        Type::Slice(slice) => collect(&slice.elem, is_free, mentions),
        Type::Reference(reference) => collect(&reference.elem, is_free, mentions),
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|ty| collect(ty, is_free, mentions)),
        ty @ Type::Path(path) => {
            if may_be_alias(ty) && !is_name(ty, "Self") && is_free(ty) {
                let mention = mention(ty);
                if mentions.iter().all(|other| other.to_string() != mention.to_string()) {
                    mentions.push(mention);
                }
            }
            for segment in &path.path.segments {
                let PathArguments::AngleBracketed(arguments) = &segment.arguments else { continue };
                for argument in &arguments.args {
                    if let GenericArgument::Type(ty) = argument
                        && (takes_types(&segment.ident) || !may_be_constant(ty))
                    {
                        collect(ty, is_free, mentions);
                    }
                }
            }
        }
        _ => {}
    }
}

/// Whether a type may be a constant, the argument for a const parameter: a path to a name without a
/// capital at its begin, or without a small letter.
fn may_be_constant(ty: &Type) -> bool {
    let last = path(ty).and_then(|path| path.segments.last()).filter(|segment| segment.arguments.is_none());
    last.is_some_and(|segment| {
        let name = unraw(&segment.ident);
        !name.starts_with(char::is_uppercase) || !name.contains(char::is_lowercase)
    })
}

/// Whether this is the name of a generic type of the standard library, or of a stream, which takes
/// no constants.
fn takes_types(name: &Ident) -> bool {
    const NAMES: [&str; 16] = [
        "Arc",
        "BTreeMap",
        "BTreeSet",
        "BinaryHeap",
        "Box",
        "Cow",
        "HashMap",
        "HashSet",
        "Inflow",
        "LinkedList",
        "Option",
        "Outflow",
        "Rc",
        "Result",
        "Vec",
        "VecDeque",
    ];
    NAMES.iter().any(|known| name == known)
}

/// Writes a type so that it may stand in a constant.
pub(crate) fn mention(ty: &Type) -> TokenStream {
    generated(with_elided_lifetimes(ty.to_token_stream()))
}

/// Returns the same tokens with the span of generated code, so that no lint on the user's types
/// applies, such as that on deprecated ones. Errors point at the same place.
fn generated(tokens: TokenStream) -> TokenStream {
    let generated = |mut tree: TokenTree| {
        match &mut tree {
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), generated(group.stream()));
                inner.set_span(group.span());
                return inner.into();
            }
            // Its meaning depends on its span.
            TokenTree::Ident(name) if name == "$crate" => {}
            tree => tree.set_span(Span::call_site().located_at(tree.span())),
        }
        tree
    };
    tokens.into_iter().map(generated).collect()
}

/// Whether a type mentions one of these names.
pub(crate) fn mentions_any(ty: &Type, names: &[String]) -> bool {
    find(ty, &|rest| usize::from(names.iter().any(|name| is_ident(&rest[0], name)))).is_some()
}
