use syn::{
    FnArg, GenericParam, Pat, PatIdent, PatType, Receiver, ReceiverKind, ReturnType, Safety, Signature, TraitItemFn,
    Type, TypeReference,
};

use super::options::{MethodOptions, ParameterRole};
use super::returns::{is_future, returns};
use super::{attributes, types};
use crate::messages;
use crate::model::{Argument, Delivery, Method, Parameter, unraw};
use crate::report::Report;

/// Reads a method, and removes our attributes from it.
pub(super) fn method(item: &mut TraitItemFn, namespace: &str, report: &mut Report) -> Method {
    let options = MethodOptions::take(&mut item.attrs, report);
    check_signature(item, report);
    let parameters = parameters(&mut item.sig, report);
    let delivery = options.delivery.map_or(Delivery::Maybe, |(delivery, _)| delivery);
    let returns = returns(&item.sig, &options, report);
    Method {
        wire_name: wire_name(&item.sig, namespace, &options, report),
        ident: item.sig.ident.clone(),
        attrs: attributes::method_attributes(&item.attrs),
        generics: item.sig.generics.clone(),
        parameters,
        is_async: item.sig.asyncness.is_some(),
        delivery,
        timeout: options.timeout.map(|(timeout, _)| timeout),
        wait_for_ready: options.wait_for_ready.is_some(),
        returns,
    }
}

fn check_signature(item: &TraitItemFn, report: &mut Report) {
    let Signature { constness, safety, abi, variadic, generics, ident, .. } = &item.sig;
    if let Some(body) = &item.default {
        report.error(body, messages::DEFAULT_BODY);
    }
    if let Some(constness) = constness {
        report.error(constness, messages::CONST_METHOD);
    }
    if let Safety::Unsafe(token) = safety {
        report.error(token, messages::UNSAFE_METHOD);
    }
    if let Some(abi) = abi {
        report.error(abi, messages::EXTERN_METHOD);
    }
    if let Some(variadic) = variadic {
        report.error(variadic, messages::VARIADIC);
    }
    for parameter in &generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            report.error(parameter, messages::GENERIC_METHOD);
        }
    }
    // `#[async_trait]` adds a clause to an async method, which is reported with the return type.
    let is_boxed = matches!(&item.sig.output, ReturnType::Type(_, ty) if is_future(ty));
    if let Some(clause) = generics.where_clause.as_ref().filter(|clause| !clause.predicates.is_empty() && !is_boxed) {
        report.error(clause, messages::METHOD_WHERE);
    }
    match item.sig.receiver() {
        None => report.error(ident, messages::NO_RECEIVER),
        Some(Receiver { kind: ReceiverKind::Reference(_, _, None), .. }) => {}
        Some(receiver) => report.error(receiver, messages::RECEIVER),
    }
}

fn parameters(signature: &mut Signature, report: &mut Report) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    let mut has_context = false;
    for input in &mut signature.inputs {
        let FnArg::Typed(input) = input else { continue };
        let role = ParameterRole::take(&mut input.attrs, report);
        if let Some(cfg) = input.attrs.iter().find(|attr| attributes::is_any(attr, &["cfg", "cfg_attr"])) {
            report.error(cfg, messages::ARGUMENT_CFG);
        }
        let is_context = match role {
            Some(role) => role == ParameterRole::Context,
            None => types::ends_with(referent(&input.ty), "Context"),
        };
        if is_context {
            if std::mem::replace(&mut has_context, true) {
                report.error(&input.ty, messages::TWO_CONTEXTS);
            }
            parameters.push(context(&input.ty, report));
        } else {
            parameters.extend(argument(input, report).map(Parameter::Argument));
        }
    }
    parameters
}

fn context(ty: &Type, report: &mut Report) -> Parameter {
    let reference = if let Type::Reference(reference) = types::ungrouped(ty) { Some(reference) } else { None };
    if reference.is_some_and(|reference| reference.mutability.is_some()) {
        report.error(ty, messages::CONTEXT_MUT);
    }
    Parameter::Context { by_reference: reference.is_some(), span: types::error_span(ty) }
}

fn argument(input: &PatType, report: &mut Report) -> Option<Argument> {
    types::check_argument(&input.ty, report);
    let Pat::Ident(PatIdent { by_ref: None, mutability: None, subpat: None, ident, .. }) = &*input.pat else {
        report.error(&input.pat, messages::ARGUMENT_PATTERN);
        return None;
    };
    let passing = types::passing(&input.ty);
    let span = types::error_span(&input.ty);
    Some(Argument { ident: ident.clone(), name: unraw(ident), ty: input.ty.clone(), passing, span })
}

fn referent(ty: &Type) -> &Type {
    match types::ungrouped(ty) {
        Type::Reference(TypeReference { elem, .. }) => elem,
        ty => ty,
    }
}

fn wire_name(signature: &Signature, namespace: &str, options: &MethodOptions, report: &mut Report) -> String {
    let (name, span) = match &options.name {
        Some(name) => (name.value(), name.span()),
        None => (unraw(&signature.ident), signature.ident.span()),
    };
    let name = format!("{namespace}{name}");
    if name.starts_with('_') || name.starts_with("rpc_") {
        report.error_at(span, messages::underscore_name(&name));
    } else if PYTHON_ATTRIBUTES.contains(&&*name) {
        report.error_at(span, messages::taken_in_python(&name));
    }
    name
}

/// The attributes of Python's `rpcudp.protocol.RPCProtocol`. A Python call by one of these names
/// reaches the attribute instead of the peer.
const PYTHON_ATTRIBUTES: [&str; 7] = [
    "transport",
    "connection_made",
    "connection_lost",
    "datagram_received",
    "error_received",
    "pause_writing",
    "resume_writing",
];
