//! The rules for the types of arguments and results.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;
use syn::spanned::Spanned;
use syn::{GenericArgument, Path, PathArguments, PathSegment, Type, TypePath, TypeReference};

use crate::messages;
use crate::model::Passing;
use crate::report::Report;
use crate::tokens::{find, is_ident, is_punct};

/// Returns the type inside parentheses, or inside the invisible group that `macro_rules!` puts
/// around it.
pub(crate) fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        ty => ty,
    }
}

/// Returns the path of a type, if it is one.
pub(crate) fn path(ty: &Type) -> Option<&Path> {
    match ungrouped(ty) {
        Type::Path(TypePath { path, qself: None, .. }) => Some(path),
        _ => None,
    }
}

/// Returns the span for errors about a type. The compiler marks only the first token, so references
/// and brackets are skipped.
pub(crate) fn error_span(ty: &Type) -> Span {
    match ungrouped(ty) {
        Type::Reference(reference) => error_span(&reference.elem),
        Type::Slice(slice) => error_span(&slice.elem),
        ty => ty.span(),
    }
}

/// Whether the last segment of a type's path has this name.
pub(crate) fn ends_with(ty: &Type, name: &str) -> bool {
    path(ty).and_then(|path| path.segments.last()).is_some_and(|segment| segment.ident == name)
}

/// Returns the first type among the arguments of a generic type: `T` of `Result<T, E>`.
pub(crate) fn first_argument(ty: &Type) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &path(ty)?.segments.last()?.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Returns a type with another path before its arguments: `rpcudp::Inflow<T>` for `Outflow<T>`.
pub(crate) fn with_path(ty: &Type, new: &TokenStream) -> TokenStream {
    let arguments = path(ty).and_then(|path| path.segments.last()).map(|segment| &segment.arguments);
    quote!(#new #arguments)
}

/// Returns a generic type with another first argument.
pub(crate) fn with_first_argument(ty: &Type, new: TokenStream) -> Type {
    let mut ty = ungrouped(ty).clone();
    if let Type::Path(TypePath { path, .. }) = &mut ty
        && let Some(PathSegment { arguments: PathArguments::AngleBracketed(arguments), .. }) = path.segments.last_mut()
        && let Some(GenericArgument::Type(first)) =
            arguments.args.iter_mut().find(|argument| matches!(argument, GenericArgument::Type(_)))
    {
        *first = Type::Verbatim(new);
    }
    ty
}

/// Whether a type consists of this one name.
pub(crate) fn is_name(ty: &Type, name: &str) -> bool {
    path(ty).is_some_and(|path| path.is_ident(name))
}

/// Returns the type behind a reference, or the type itself.
pub(crate) fn referent(ty: &Type) -> &Type {
    match ungrouped(ty) {
        Type::Reference(TypeReference { elem, .. }) => ungrouped(elem),
        ty => ty,
    }
}

/// Whether a type is a path that may be an alias: it has no name of the standard library.
pub(crate) fn may_be_alias(ty: &Type) -> bool {
    let last = path(ty).and_then(|path| path.segments.last());
    last.is_some_and(|segment| STANDARD_TYPES.iter().all(|name| segment.ident != name))
}

/// Names of types that are in nearly every contract.
const STANDARD_TYPES: [&str; 23] = [
    "BTreeMap", "HashMap", "Option", "String", "Vec", "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8",
    "isize", "str", "u128", "u16", "u32", "u64", "u8", "usize", "Cow",
];

/// Returns the way in which a decoded argument of this type is passed to the method.
pub(crate) fn passing(ty: &Type) -> Passing {
    let Type::Reference(TypeReference { elem, .. }) = ungrouped(ty) else {
        return if ends_with(ty, "Cow") { Passing::Cow } else { Passing::ByValue };
    };
    match ungrouped(elem) {
        Type::Slice(slice) if !is_name(&slice.elem, "u8") => Passing::AsSlice,
        Type::Slice(_) => Passing::ByValue,
        elem if is_name(elem, "str") => Passing::ByValue,
        _ => Passing::ByReference,
    }
}

/// Reports parts that the type of an argument cannot have.
pub(crate) fn check_argument(ty: &Type, report: &mut Report) {
    report_first(ty, &impl_len, messages::ARGUMENT_IMPL, report);
    // A lifetime is two tokens: `'` and its name.
    let mut_len = |rest: &[TokenTree]| match rest {
        [and, keyword, ..] if is_punct(and, '&') && is_ident(keyword, "mut") => 2,
        [and, _, _, keyword, ..] if is_punct(and, '&') && is_lifetime(rest, 1) && is_ident(keyword, "mut") => 4,
        _ => 0,
    };
    report_first(ty, &mut_len, messages::ARGUMENT_MUT, report);
    let static_len = |rest: &[TokenTree]| match rest {
        [and, _, name, ..] if is_punct(and, '&') && is_lifetime(rest, 1) && is_ident(name, "static") => 3,
        _ => 0,
    };
    report_first(ty, &static_len, messages::ARGUMENT_STATIC, report);
}

/// Reports parts that a return type cannot have.
pub(crate) fn check_return(ty: &Type, report: &mut Report) {
    report_first(ty, &impl_len, messages::RETURN_IMPL, report);
    let borrow_len = |rest: &[TokenTree]| match rest {
        [and, ..] if is_punct(and, '&') => rest.len(),
        [_, name, ..] if is_lifetime(rest, 0) && !is_ident(name, "static") => 2,
        _ => 0,
    };
    report_first(ty, &borrow_len, messages::RETURN_BORROW, report);
}

fn impl_len(rest: &[TokenTree]) -> usize {
    if is_ident(&rest[0], "impl") { rest.len() } else { 0 }
}

fn is_lifetime(rest: &[TokenTree], at: usize) -> bool {
    rest.get(at).is_some_and(|tree| is_punct(tree, '\''))
}

fn report_first(ty: &Type, matched_len: &impl Fn(&[TokenTree]) -> usize, message: &str, report: &mut Report) {
    if let Some(found) = find(ty, matched_len) {
        report.error(&found, message);
    }
}
