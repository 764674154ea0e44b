//! The streams of a method: `Inflow` as the last argument, and `Outflow` as the result.

use syn::{Signature, Type};

use super::options::MethodOptions;
use crate::messages;
use crate::model::{Parameter, Returns};
use crate::report::Report;
use crate::tokens::{find, is_ident};
use crate::types;

/// The name of the type of a stream that the method receives.
const INFLOW: &str = "Inflow";

/// The name of the type of a stream that the method sends.
const OUTFLOW: &str = "Outflow";

/// Whether an argument is a stream, by the name of its type.
pub(super) fn is_inflow(ty: &Type, report: &mut Report) -> bool {
    if types::ends_with(ty, OUTFLOW) {
        report.error(ty, messages::OUTFLOW_ARGUMENT);
    }
    let is_inflow = types::ends_with(types::referent(ty), INFLOW);
    if is_inflow && !types::ends_with(ty, INFLOW) {
        report.error(ty, messages::INFLOW_REFERENCE);
    } else if !is_inflow && mentions(ty, INFLOW) {
        report.error(ty, messages::INFLOW_INSIDE);
    }
    is_inflow
}

/// Whether the value of a method is a stream, by the name of its type.
pub(super) fn returns_items(returns: &Returns, report: &mut Report) -> bool {
    let ty = match returns {
        // The user declares the type to be a value.
        Returns::Declared(_) => return false,
        Returns::Value(ty) | Returns::Result(ty) => ty,
    };
    let value = if matches!(returns, Returns::Result(_)) { types::first_argument(ty).unwrap_or(ty) } else { ty };
    let is_outflow = types::ends_with(value, OUTFLOW);
    if types::ends_with(value, INFLOW) {
        report.error(value, messages::INFLOW_RETURN);
    } else if !is_outflow && mentions(ty, OUTFLOW) {
        report.error(ty, messages::OUTFLOW_INSIDE);
    }
    is_outflow
}

fn mentions(ty: &Type, name: &str) -> bool {
    find(ty, &|rest| usize::from(is_ident(&rest[0], name))).is_some()
}

/// Reports an inflow that is not the last argument, or whose method cannot wait for it, and options
/// that do not apply to a method with a stream.
pub(super) fn check(
    signature: &Signature,
    options: &MethodOptions,
    (parameters, returns_items): (&[Parameter], bool),
    report: &mut Report,
) {
    let arguments = parameters.iter().filter(|parameter| !matches!(parameter, Parameter::Context { .. }));
    let arguments: Vec<_> = arguments.collect();
    let inflow = |parameter: &&Parameter| match parameter {
        Parameter::Inflow(inflow) => Some(inflow.ty.clone()),
        _ => None,
    };
    let before_last = arguments.len().saturating_sub(1);
    for ty in arguments[..before_last].iter().filter_map(inflow) {
        report.error(&ty, messages::INFLOW_NOT_LAST);
    }
    let inflow = arguments.last().and_then(inflow);
    if let Some(ty) = &inflow
        && signature.asyncness.is_none()
    {
        report.error(ty, messages::INFLOW_SYNC);
    }
    if inflow.is_none() && !returns_items {
        return;
    }
    if let Some((_, span)) = options.delivery {
        report.error_at(span, messages::STREAM_DELIVERY);
    }
    if let Some(span) = options.wait_for_ready {
        report.error_at(span, messages::STREAM_WAIT_FOR_READY);
    }
}
