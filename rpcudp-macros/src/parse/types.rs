//! What the types of a contract may be.

use proc_macro2::TokenTree;
use syn::{Path, Type, TypePath, TypeReference};

use crate::messages;
use crate::model::Passing;
use crate::report::Report;
use crate::tokens::{find, is_ident, is_punct_tree};

/// The type itself, out of the invisible group that `macro_rules!` puts around one, or out of parentheses.
pub(super) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        ty => ty,
    }
}

/// The path of a type that is one.
pub(super) fn path(ty: &Type) -> Option<&Path> {
    match bare(ty) {
        Type::Path(TypePath { path, qself: None, .. }) => Some(path),
        _ => None,
    }
}

/// Whether a type's last segment has this name, whatever comes before it.
pub(super) fn is_called(ty: &Type, name: &str) -> bool {
    path(ty).and_then(|path| path.segments.last()).is_some_and(|segment| segment.ident == name)
}

/// How a type gets from a datagram to the method.
pub(super) fn passing(ty: &Type) -> Passing {
    let Type::Reference(TypeReference { elem, .. }) = bare(ty) else { return Passing::Direct };
    match bare(elem) {
        Type::Slice(slice) if !is_exactly(&slice.elem, "u8") => Passing::LentSlice,
        Type::Slice(_) => Passing::Direct,
        elem if is_exactly(elem, "str") => Passing::Direct,
        _ => Passing::Lent,
    }
}

/// Reports what an argument's type must not contain.
pub(super) fn check_argument(ty: &Type, report: &mut Report) {
    report_first(ty, &|rest| is_ident(rest.first(), "impl"), messages::ARGUMENT_IMPL, report);
    let is_mut = |rest: &[TokenTree]| {
        is_punct_tree(rest.first(), '&') && (is_ident(rest.get(1), "mut") || is_ident(rest.get(3), "mut"))
    };
    report_first(ty, &is_mut, messages::ARGUMENT_MUT, report);
    // A lifetime is two tokens: `'` and its name.
    let is_static = |rest: &[TokenTree]| {
        is_punct_tree(rest.first(), '&') && is_punct_tree(rest.get(1), '\'') && is_ident(rest.get(2), "static")
    };
    report_first(ty, &is_static, messages::ARGUMENT_STATIC, report);
    check_self(ty, report);
}

/// Reports what a return type must not contain.
pub(super) fn check_return(ty: &Type, report: &mut Report) {
    report_first(ty, &|rest| is_ident(rest.first(), "impl"), messages::RETURN_IMPL, report);
    let borrows = |rest: &[TokenTree]| {
        let is_lifetime = is_punct_tree(rest.first(), '\'') && !is_ident(rest.get(1), "static");
        is_punct_tree(rest.first(), '&') || is_lifetime
    };
    report_first(ty, &borrows, messages::RETURN_BORROW, report);
    check_self(ty, report);
}

fn check_self(ty: &Type, report: &mut Report) {
    let is_bare_self = |rest: &[TokenTree]| is_ident(rest.first(), "Self") && !is_punct_tree(rest.get(1), ':');
    report_first(ty, &is_bare_self, messages::BARE_SELF, report);
}

fn report_first(ty: &Type, matches: &impl Fn(&[TokenTree]) -> bool, message: &str, report: &mut Report) {
    if let Some(found) = find(ty, matches) {
        report.error(&found, message);
    }
}

fn is_exactly(ty: &Type, name: &str) -> bool {
    path(ty).is_some_and(|path| path.is_ident(name))
}
