//! Reads what the user wrote.

mod attributes;
mod method;
mod options;
mod returns;
mod self_types;
mod types;

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use syn::{GenericParam, Item, ItemTrait, TraitItem, TraitItemType};

use self::options::ServiceOptions;
use crate::messages;
use crate::model::{Method, Service};
use crate::report::{Rejected, Report};

/// Reads a contract.
///
/// # Errors
///
/// Everything that is wrong with it.
pub(crate) fn service(options: TokenStream, input: TokenStream) -> Result<Service, Rejected> {
    let mut report = Report::default();
    let options = ServiceOptions::parse(options, &mut report);
    let mut contract = match syn::parse2(input) {
        Ok(Item::Trait(contract)) => contract,
        Ok(other) => return Err(not_a_trait(&other, report)),
        Err(error) => {
            report.push(error);
            return Err(report.finish(None).expect_err("an error was just reported"));
        }
    };
    check_trait(&contract, &mut report);
    let mut associated = Vec::new();
    let mut methods = Vec::new();
    for item in &mut contract.items {
        match item {
            TraitItem::Fn(item) => methods.push(method::method(item, &options.namespace, &mut report)),
            TraitItem::Type(item) => {
                check_type(item, &mut report);
                associated.push(item.clone());
            }
            TraitItem::Const(item) => report.error(item, messages::ASSOCIATED_CONST),
            TraitItem::Macro(item) => report.error(item, messages::MACRO_ITEM),
            other => report.error(other, messages::UNKNOWN_ITEM),
        }
    }
    if methods.is_empty() {
        report.error(&contract.ident, messages::NO_METHODS);
    }
    check_names(&methods, &mut report);
    self_types::check(&contract, &mut report);
    // What `#[async_trait]` is to see, in a trait that is given back, stays as it is.
    if !contract.attrs.iter().any(attributes::is_async_trait) {
        for item in &mut contract.items {
            if let TraitItem::Fn(item) = item {
                returns::return_a_future(&mut item.sig);
            }
        }
    }
    report.finish(Some(&contract))?;
    Ok(Service {
        allowed: attributes::allowed(&contract.attrs),
        predicates: self_types::predicates(&contract.generics).cloned().collect(),
        contract,
        krate: options.krate,
        namespace: options.namespace,
        associated,
        methods,
    })
}

fn not_a_trait(item: &Item, mut report: Report) -> Rejected {
    report.error(item, messages::NOT_A_TRAIT);
    report.finish(None).expect_err("an error was just reported")
}

fn check_trait(contract: &ItemTrait, report: &mut Report) {
    if let Some(unsafety) = &contract.unsafety {
        report.error(unsafety, messages::UNSAFE_TRAIT);
    }
    for attr in &contract.attrs {
        if attributes::is_async_trait(attr) {
            report.error(attr, messages::ASYNC_TRAIT);
        }
    }
    for parameter in &contract.generics.params {
        if let GenericParam::Lifetime(lifetime) = parameter {
            report.error(lifetime, messages::TRAIT_LIFETIME);
        }
    }
}

fn check_type(item: &TraitItemType, report: &mut Report) {
    if !item.generics.params.is_empty() {
        report.error(&item.generics, messages::ASSOCIATED_TYPE_GENERIC);
    }
    if let Some(cfg) = item.attrs.iter().find(|attr| attributes::is_any(attr, &["cfg", "cfg_attr"])) {
        report.error(cfg, messages::TYPE_CFG);
    }
}

/// Two methods cannot have one wire name, unless `cfg` may see to it that there is but one of them.
fn check_names(methods: &[Method], report: &mut Report) {
    let mut names = BTreeMap::new();
    for method in methods.iter().filter(|method| method.attrs.cfg.is_empty()) {
        if names.insert(&method.wire_name, method).is_some() {
            report.error(&method.ident, messages::duplicate_name(&method.wire_name));
        }
    }
}
