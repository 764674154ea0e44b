//! The rules for `Self` in a contract. `Self` is the service in the server. The client has no
//! service, but a type parameter for each `Self::Name` that the contract declares.

use proc_macro2::{Ident, TokenTree};
use quote::ToTokens;
use syn::{FnArg, GenericParam, Generics, ItemTrait, ReturnType, TraitItem, WherePredicate};

use crate::messages;
use crate::model::unraw;
use crate::report::Report;
use crate::tokens::{find, is_ident, self_type_name};
use crate::types;

/// Reports each mention of `Self` that is not an associated type of the contract.
pub(super) fn check(item: &ItemTrait, report: &mut Report) {
    let types = item.items.iter().filter_map(|item| match item {
        TraitItem::Type(item) => Some(&item.ident),
        _ => None,
    });
    let check = Check { declared: types.collect() };
    check.generics(&item.generics, report);
    for member in &item.items {
        match member {
            TraitItem::Fn(item) => {
                for input in &item.sig.inputs {
                    if let FnArg::Typed(input) = input {
                        check.tokens(&input.ty, report);
                    }
                }
                if let ReturnType::Type(_, ty) = &item.sig.output {
                    check.tokens(ty, report);
                }
            }
            TraitItem::Type(item) => check.tokens(&item.bounds, report),
            _ => {}
        }
    }
}

struct Check<'a> {
    declared: Vec<&'a Ident>,
}

impl Check<'_> {
    fn generics(&self, generics: &Generics, report: &mut Report) {
        for parameter in &generics.params {
            let default = match parameter {
                GenericParam::Type(parameter) => {
                    self.tokens(&parameter.bounds, report);
                    parameter.default.as_ref().map(|(_, ty)| ty.to_token_stream())
                }
                GenericParam::Const(parameter) => parameter.default.as_ref().map(|(_, value)| value.to_token_stream()),
                GenericParam::Lifetime(_) => None,
            };
            if let Some(found) = find(&default, &|rest| usize::from(is_ident(&rest[0], "Self"))) {
                report.error(&found, messages::DEFAULT_SELF);
            }
        }
        for predicate in predicates(generics) {
            self.tokens(predicate, report);
        }
    }

    /// Reports the first such mention in these tokens.
    fn tokens(&self, tokens: &impl ToTokens, report: &mut Report) {
        let undeclared = |rest: &[TokenTree]| match self_type_name(rest) {
            Some(name) if self.declared.contains(&name) => None,
            Some(name) => Some((4, messages::undeclared_type(&unraw(name)))),
            None if is_ident(&rest[0], "Self") => Some((1, messages::BARE_SELF.into())),
            None => None,
        };
        if let Some(found) = find(tokens, &|rest| undeclared(rest).map_or(0, |(len, _)| len)) {
            let trees: Vec<_> = found.clone().into_iter().collect();
            if let Some((_, message)) = undeclared(&trees) {
                report.error(&found, message);
            }
        }
    }
}

/// Returns the predicates of the where-clause that also hold for the client and the server. A
/// predicate on `Self`, such as `Self: Sync`, restricts implementations only.
pub(super) fn predicates(generics: &Generics) -> impl Iterator<Item = &WherePredicate> {
    let all = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    all.filter(|predicate| !is_on_self(predicate))
}

fn is_on_self(predicate: &WherePredicate) -> bool {
    match predicate {
        WherePredicate::Type(predicate) => types::is_name(&predicate.bounded_ty, "Self"),
        _ => false,
    }
}
