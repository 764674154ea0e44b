//! Reads the user's trait and options into the model.

mod attributes;
mod method;
mod options;
mod returns;
mod self_types;
mod streams;

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use syn::{GenericParam, Item, ItemTrait, TraitItem, TraitItemType};

use self::options::{Dynamic, ServiceOptions};
use crate::messages;
use crate::model::{Contract, Method, unraw};
use crate::report::{InvalidContract, Report};
use crate::tokens::with_raw_keywords;

/// Reads a contract.
///
/// # Errors
///
/// If the trait or an option breaks a rule. All errors are reported at once.
pub(crate) fn contract(options: TokenStream, input: TokenStream) -> Result<Contract, InvalidContract> {
    let mut report = Report::default();
    let options = ServiceOptions::parse(options, &mut report);
    let mut item = match syn::parse2(with_raw_keywords(input)) {
        Ok(Item::Trait(item)) => item,
        Ok(other) => return Err(not_a_trait(&other, report)),
        Err(error) => {
            report.push(error);
            return Err(report.finish(None).expect_err("an error was just reported"));
        }
    };
    check_trait(&item, &mut report);
    let mut associated_types = Vec::new();
    let mut methods = Vec::new();
    for member in &mut item.items {
        match member {
            TraitItem::Fn(item) => methods.push(method::method(item, &options, &mut report)),
            TraitItem::Type(item) => {
                check_type(item, &mut report);
                associated_types.push(item.clone());
            }
            TraitItem::Const(item) => report.error(item, messages::ASSOCIATED_CONST),
            TraitItem::Macro(item) => report.error(item, messages::MACRO_ITEM),
            other => report.error(other, messages::UNKNOWN_ITEM),
        }
    }
    if methods.is_empty() {
        report.error(&item.ident, messages::NO_METHODS);
    }
    check_names(&methods, &mut report);
    self_types::check(&item, &mut report);
    // `#[async_trait]`, which is reported above, must see its async methods in the expansion.
    if !item.attrs.iter().any(attributes::is_async_trait) {
        for member in &mut item.items {
            if let TraitItem::Fn(method) = member {
                returns::desugar_async(method);
            }
        }
    }
    report.finish(Some(&item))?;
    let generated = |chosen: Option<Ident>, prefix: &str, suffix: &str| {
        chosen.unwrap_or_else(|| Ident::new(&format!("{prefix}{}{suffix}", unraw(&item.ident)), item.ident.span()))
    };
    Ok(Contract {
        client: generated(options.client, "", "Client"),
        server: generated(options.server, "", "Server"),
        dynamic: options.dynamic.map(|Dynamic(name)| generated(name, "Dyn", "")),
        lint_attrs: attributes::lint_attrs(&item.attrs),
        predicates: self_types::predicates(&item.generics).cloned().collect(),
        item,
        krate: options.krate,
        namespace: options.namespace,
        associated_types,
        methods,
    })
}

fn not_a_trait(item: &Item, mut report: Report) -> InvalidContract {
    report.error(item, messages::NOT_A_TRAIT);
    report.finish(None).expect_err("an error was just reported")
}

fn check_trait(item: &ItemTrait, report: &mut Report) {
    if let Some(unsafety) = &item.unsafety {
        report.error(unsafety, messages::UNSAFE_TRAIT);
    }
    for attr in &item.attrs {
        if attributes::is_async_trait(attr) {
            report.error(attr, messages::ASYNC_TRAIT);
        }
    }
    for parameter in &item.generics.params {
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

/// Reports wire names that two methods have, and an alias that is also a name. Methods with a `cfg`
/// are exempt: it may leave one of them.
fn check_names(methods: &[Method], report: &mut Report) {
    let mut names = BTreeSet::new();
    for method in methods.iter().filter(|method| method.attrs.cfg.is_empty()) {
        for name in [&method.wire_name].into_iter().chain(&method.aliases) {
            if !names.insert(name) {
                report.error(&method.ident, messages::duplicate_name(name));
            }
        }
    }
}
