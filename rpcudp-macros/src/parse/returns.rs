//! The return type of a method.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, PathArguments, PathSegment, ReturnType, Signature, TraitItemFn, Type, parse_quote_spanned};

use super::options::MethodOptions;
use crate::messages;
use crate::model::{Delivery, Returns, unraw};
use crate::report::Report;
use crate::text;
use crate::tokens::{find, is_ident, is_punct};
use crate::types;

pub(super) fn returns(signature: &Signature, options: &MethodOptions, report: &mut Report) -> Returns {
    let unit = || parse_quote_spanned! { signature.ident.span() => () };
    let declared = match &signature.output {
        ReturnType::Type(_, ty) if !is_unit(ty) => Some(&**ty),
        _ => None,
    };
    if let Some((Delivery::OneWay, _)) = options.delivery {
        if let Some(ty) = declared {
            report.error(ty, messages::ONEWAY_RETURN);
        }
        if let Some((_, span)) = options.timeout {
            report.error_at(span, messages::ONEWAY_TIMEOUT);
        }
        if let Some(span) = options.fallible {
            report.error_at(span, messages::ONEWAY_FALLIBLE);
        }
        if let Some(span) = options.value {
            report.error_at(span, messages::VALUE_WITHOUT_TYPE);
        }
        if let Some(span) = options.wait_for_ready {
            report.error_at(span, messages::ONEWAY_WAIT_FOR_READY);
        }
        return Returns::Value(unit());
    }
    let Some(ty) = declared else {
        if let Some(span) = options.fallible {
            report.error_at(span, messages::FALLIBLE_WITHOUT_TYPE);
        }
        if let Some(span) = options.value {
            report.error_at(span, messages::VALUE_WITHOUT_TYPE);
        }
        return Returns::Value(unit());
    };
    if options.value.is_some() {
        types::check_return(ty, report);
        return Returns::Declared(ty.clone());
    }
    if is_future(ty) {
        let output = future_output(ty).map(|output| text::of(&output));
        report.error(ty, messages::returns_future(&unraw(&signature.ident), output.as_deref()));
        return Returns::Value(ty.clone());
    }
    types::check_return(ty, report);
    if options.fallible.is_some() || types::ends_with(ty, "Result") {
        Returns::Result(ty.clone())
    } else {
        Returns::Value(ty.clone())
    }
}

fn is_unit(ty: &Type) -> bool {
    matches!(types::ungrouped(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// Whether a type is that of an async method written by hand: `impl Future`, `Pin<Box<dyn
/// Future>>`, `BoxFuture`.
pub(super) fn is_future(ty: &Type) -> bool {
    let names_future = find(ty, &|rest| usize::from(is_ident(&rest[0], "Future"))).is_some();
    match types::ungrouped(ty) {
        Type::ImplTrait(_) => names_future,
        ty if types::ends_with(ty, "Pin") || types::ends_with(ty, "Box") => names_future,
        ty => types::ends_with(ty, "BoxFuture") || types::ends_with(ty, "LocalBoxFuture"),
    }
}

/// Returns the `T` of the first `Output = T` in a type, or of `BoxFuture<'_, T>`.
fn future_output(ty: &Type) -> Option<TokenStream> {
    let alias = types::path(ty).and_then(|path| path.segments.last());
    if let Some(PathSegment { arguments: PathArguments::AngleBracketed(arguments), .. }) = alias
        && let Some(GenericArgument::Type(last)) = arguments.args.iter().skip(1).last()
    {
        return Some(last.to_token_stream());
    }
    let found = find(ty, &|rest| match rest {
        [output, equals, ..] if is_ident(output, "Output") && is_punct(equals, '=') => rest.len(),
        _ => 0,
    })?;
    let mut depth = 0_usize;
    let mut after_dash = false;
    let mut belongs = |tree: &TokenTree| {
        let ends_arrow = std::mem::replace(&mut after_dash, is_punct(tree, '-')) && is_punct(tree, '>');
        if is_punct(tree, '<') {
            depth += 1;
        } else if is_punct(tree, '>') && !ends_arrow {
            depth = depth.checked_sub(1)?;
        }
        (depth > 0 || !is_punct(tree, ',')).then_some(())
    };
    Some(found.into_iter().skip(2).take_while(|tree| belongs(tree).is_some()).collect())
}

/// Replaces an async method by one that returns a future. The future is `Send`, so that it can run
/// as a task. An implementation can still be an `async fn`. The body of a default becomes the
/// future; if it uses `self`, the future is `Send` only if `Self` is `Sync`, as each service is.
///
/// ```text
/// async fn f(&self) -> T { self.g().await }
/// fn f(&self) -> impl Future<Output = T> + Send where Self: Sync { async move { self.g().await } }
/// ```
pub(super) fn desugar_async(method: &mut TraitItemFn) {
    let TraitItemFn { sig: signature, default, .. } = method;
    let Some(asyncness) = signature.asyncness.take() else { return };
    let span = Span::call_site().located_at(asyncness.span());
    if let Some(body) = default {
        let uses_self = |rest: &[TokenTree]| usize::from(is_ident(&rest[0], "self") || is_ident(&rest[0], "Self"));
        if find(body, &uses_self).is_some() {
            let predicate = parse_quote_spanned! { span => Self: ::core::marker::Sync };
            signature.generics.make_where_clause().predicates.push(predicate);
        }
        *body = parse_quote_spanned! { span => { async move #body } };
    }
    let output: TokenStream = match &signature.output {
        ReturnType::Default => quote_spanned! { span => () },
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    };
    signature.output = parse_quote_spanned! { span =>
        -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
    };
}
