use proc_macro2::{Ident, Span};
use syn::{
    FnArg, GenericParam, LitStr, Pat, PatIdent, PatType, Receiver, ReceiverKind, ReturnType, Safety, Signature,
    TraitItemFn, Type, TypeReference,
};

use super::attributes;
use super::options::{MethodOptions, ParameterRole, ServiceOptions};
use super::returns::{is_future, returns};
use super::streams;
use crate::messages;
use crate::model::{Argument, Delivery, Execution, Method, Parameter, unraw};
use crate::report::Report;
use crate::types;

/// Reads a method, and removes our attributes from it.
pub(super) fn method(item: &mut TraitItemFn, service: &ServiceOptions, report: &mut Report) -> Method {
    let options = MethodOptions::take(&mut item.attrs, report);
    check_signature(item, report);
    let parameters = parameters(item, report);
    let delivery = options.delivery.map_or(Delivery::Maybe, |(delivery, _)| delivery);
    let is_secure = |parameter: &Parameter| matches!(parameter, Parameter::Context { is_secure: true, .. });
    let has_secure_context = parameters.iter().any(is_secure);
    let returns = returns(&item.sig, &options, report);
    let returns_items = streams::returns_items(&returns, report);
    streams::check(&item.sig, &options, (&parameters, returns_items), report);
    let has_stream = returns_items || parameters.iter().any(|parameter| matches!(parameter, Parameter::Inflow(_)));
    Method {
        wire_name: wire_name(&item.sig, service, &options, report),
        aliases: options.aliases.iter().map(|alias| alias_name(alias, service, report)).collect(),
        ident: item.sig.ident.clone(),
        attrs: attributes::method_attributes(&item.attrs),
        generics: item.sig.generics.clone(),
        parameters,
        execution: execution(&item.sig, &options, report),
        delivery,
        timeout: options.timeout.map(|(timeout, _)| timeout),
        wait_for_ready: options.wait_for_ready.is_some(),
        is_secure: service.secure || options.secure || has_secure_context || has_stream,
        session: options.session.clone().or_else(|| service.session.clone()),
        returns,
        returns_items,
    }
}

fn execution(signature: &Signature, options: &MethodOptions, report: &mut Report) -> Execution {
    match (signature.asyncness.is_some(), options.blocking) {
        (false, None) => Execution::Inline,
        (false, Some(_)) => Execution::BlockingThread,
        (true, None) => Execution::Task,
        (true, Some(span)) => {
            report.error_at(span, messages::BLOCKING_ASYNC);
            Execution::Task
        }
    }
}

fn check_signature(item: &mut TraitItemFn, report: &mut Report) {
    use_short_receiver(&mut item.sig);
    let Signature { constness, safety, abi, variadic, generics, ident, .. } = &item.sig;
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

/// Replaces `self: &Self` by `&self`, which means the same.
fn use_short_receiver(signature: &mut Signature) {
    let Some(FnArg::Receiver(receiver)) = signature.inputs.first_mut() else { return };
    let ReceiverKind::Typed(_, ty) = &receiver.kind else { return };
    let Type::Reference(TypeReference { and_token, lifetime, mutability: None, elem, .. }) = types::ungrouped(ty)
    else {
        return;
    };
    if types::is_name(elem, "Self") {
        receiver.kind = ReceiverKind::Reference(*and_token, lifetime.clone(), None);
    }
}

fn parameters(item: &mut TraitItemFn, report: &mut Report) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    let mut has_context = false;
    let has_body = item.default.is_some();
    let names = item.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(input) => pattern_name(&input.pat).map(unraw),
        FnArg::Receiver(_) => None,
    });
    let names: Vec<_> = names.collect();
    for (position, input) in item.sig.inputs.iter_mut().enumerate() {
        let FnArg::Typed(input) = input else { continue };
        let role = ParameterRole::take(&mut input.attrs, report);
        if let Some(cfg) = input.attrs.iter().find(|attr| attributes::is_any(attr, &["cfg", "cfg_attr"])) {
            report.error(cfg, messages::ARGUMENT_CFG);
        }
        let is_context = match role {
            Some(role) => role == ParameterRole::Context,
            None => types::ends_with(types::referent(&input.ty), "Context") || is_secure_context(&input.ty),
        };
        if is_context {
            if std::mem::replace(&mut has_context, true) {
                report.error(&input.ty, messages::TWO_CONTEXTS);
            }
            parameters.push(context(&input.ty, report));
        } else {
            let unnamed = unused_name(position, &names);
            let is_inflow = role.is_none() && streams::is_inflow(&input.ty, report);
            let parameter = if is_inflow { Parameter::Inflow } else { Parameter::Argument };
            parameters.extend(argument(input, &unnamed, has_body, report).map(parameter));
        }
    }
    parameters
}

fn context(ty: &Type, report: &mut Report) -> Parameter {
    let reference = if let Type::Reference(reference) = types::ungrouped(ty) { Some(reference) } else { None };
    if reference.is_some_and(|reference| reference.mutability.is_some()) {
        report.error(ty, messages::CONTEXT_MUT);
    }
    let is_secure = is_secure_context(ty);
    Parameter::Context { by_reference: reference.is_some(), is_secure, span: types::error_span(ty) }
}

/// Whether a type is the context of requests over links, by its name.
fn is_secure_context(ty: &Type) -> bool {
    types::ends_with(types::referent(ty), "SecureContext")
}

/// Reads an argument. `unnamed` is its name if the user wrote `_`. Only a method with a body may
/// have an argument `mut name`.
fn argument(input: &PatType, unnamed: &str, has_body: bool, report: &mut Report) -> Option<Argument> {
    types::check_argument(&input.ty, report);
    let passing = types::passing(&input.ty);
    let span = types::error_span(&input.ty);
    let (ident, is_unnamed) = match &*input.pat {
        Pat::Ident(PatIdent { by_ref: None, mutability, subpat: None, ident, .. })
            if has_body || mutability.is_none() =>
        {
            (ident.clone(), false)
        }
        Pat::Wild(_) => (Ident::new(unnamed, Span::call_site().located_at(span)), true),
        pattern => {
            report.error(pattern, messages::ARGUMENT_PATTERN);
            return None;
        }
    };
    Some(Argument { name: unraw(&ident), ident, is_unnamed, ty: input.ty.clone(), passing, span })
}

fn pattern_name(pattern: &Pat) -> Option<&Ident> {
    match pattern {
        Pat::Ident(PatIdent { ident, .. }) => Some(ident),
        _ => None,
    }
}

/// Returns the name of an argument that is `_` in the contract: `argument1`, or the first such name
/// that no other argument has.
fn unused_name(position: usize, taken: &[String]) -> String {
    let mut name = format!("argument{position}");
    while taken.contains(&name) {
        name.push('_');
    }
    name
}

fn wire_name(signature: &Signature, service: &ServiceOptions, options: &MethodOptions, report: &mut Report) -> String {
    let (name, span) = match &options.name {
        Some(name) => (name.value(), name.span()),
        None => (unraw(&signature.ident), signature.ident.span()),
    };
    checked_name(&name, span, service, report)
}

fn alias_name(alias: &LitStr, service: &ServiceOptions, report: &mut Report) -> String {
    checked_name(&alias.value(), alias.span(), service, report)
}

/// Returns the name with the namespace. Reports it if Python peers cannot call it.
fn checked_name(name: &str, span: Span, service: &ServiceOptions, report: &mut Report) -> String {
    let name = format!("{}{name}", service.namespace);
    if !service.python {
        return name;
    }
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
