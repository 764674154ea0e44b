//! The arguments whose type decides how they are encoded and decoded, so that generated code names
//! it.

use syn::Type;

use crate::model::{Argument, Contract, Passing, unraw};
use crate::types::{may_be_alias, path, referent};

/// Returns the type of an argument if its decoding depends on it: a `Cow`, which may borrow; the
/// referent of a reference, which may be unsized; a name, which may be that of the context.
pub(crate) fn probed_type<'a>(argument: &'a Argument, contract: &Contract) -> Option<&'a Type> {
    match argument.passing {
        Passing::Cow => Some(&argument.ty),
        Passing::ByReference => Some(referent(&argument.ty)),
        Passing::ByValue | Passing::AsSlice => lent_type(argument, contract),
    }
}

/// Returns the type of an argument if it may be the context under another name.
pub(crate) fn lent_type<'a>(argument: &'a Argument, contract: &Contract) -> Option<&'a Type> {
    let ty = referent(&argument.ty);
    let segments = &path(ty)?.segments;
    let is_parameter = |name: &str| contract.item.generics.type_params().any(|parameter| parameter.ident == name);
    let is_plain = may_be_alias(ty)
        && segments.iter().all(|segment| segment.arguments.is_none())
        && segments.first().is_some_and(|first| first.ident != "Self" && !is_parameter(&unraw(&first.ident)));
    (is_plain && argument.passing != Passing::AsSlice).then_some(ty)
}
