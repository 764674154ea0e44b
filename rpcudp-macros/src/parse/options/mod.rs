//! The options of `#[rpc_service(...)]` and `#[rpc(...)]`.

mod duration;
mod grammar;

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, LitStr, Path, parse_quote};

use self::duration::duration;
use self::grammar::{Grammar, OptionItem};
use crate::messages;
use crate::model::Delivery;
use crate::report::Report;

/// The options of a contract.
pub(super) struct ServiceOptions {
    pub(super) namespace: String,
    pub(super) krate: Path,
}

/// The options of a method.
#[derive(Default)]
pub(super) struct MethodOptions {
    pub(super) name: Option<LitStr>,
    pub(super) timeout: Option<(Duration, Span)>,
    pub(super) delivery: Option<(Delivery, Span)>,
    pub(super) fallible: Option<Span>,
    pub(super) wait_for_ready: Option<Span>,
}

/// The option of a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterRole {
    Context,
    Argument,
}

impl ServiceOptions {
    const GRAMMAR: Grammar =
        Grammar { allowed: &["namespace", "crate"], example: "#[rpc_service(namespace = \"...\")]" };

    pub(super) fn parse(tokens: TokenStream, report: &mut Report) -> Self {
        let mut options = Self { namespace: String::new(), krate: parse_quote!(::rpcudp) };
        for item in Self::GRAMMAR.items(tokens, report) {
            match &*item.name.to_string() {
                "namespace" => {
                    options.namespace = item.string("\"kad.\"", report).map_or_else(String::new, |name| name.value());
                }
                "crate" => {
                    if let Some(path) = item.path(report) {
                        options.krate = path;
                    }
                }
                other => report.error(&item.name, messages::unknown_option(other, Self::GRAMMAR.allowed)),
            }
        }
        options
    }
}

impl MethodOptions {
    const GRAMMAR: Grammar = Grammar {
        allowed: &["name", "timeout", "oneway", "at_least_once", "at_most_once", "wait_for_ready", "fallible"],
        example: "#[rpc(name = \"...\")]",
    };

    /// Removes each `#[rpc(...)]` from a method's attributes, and reads its options.
    pub(super) fn take(attrs: &mut Vec<Attribute>, report: &mut Report) -> Self {
        let mut options = Self::default();
        for item in Self::GRAMMAR.take(attrs, report) {
            options.set(&item, report);
        }
        options
    }

    fn set(&mut self, item: &OptionItem, report: &mut Report) {
        let span = item.name.span();
        match &*item.name.to_string() {
            "name" => {
                self.name = item.string("\"...\"", report).cloned();
                if let Some(name) = self.name.as_ref().filter(|name| name.value().is_empty()) {
                    report.error(name, messages::EMPTY_NAME);
                }
            }
            "timeout" => {
                let Some(text) = item.string("\"2s\"", report) else { return };
                match duration(&text.value()) {
                    Some(Duration::ZERO) => report.error(text, messages::TIMEOUT_ZERO),
                    Some(timeout) => self.timeout = Some((timeout, span)),
                    None => report.error(text, messages::TIMEOUT),
                }
            }
            "fallible" if item.is_flag(report) => self.fallible = Some(span),
            "wait_for_ready" if item.is_flag(report) => self.wait_for_ready = Some(span),
            "oneway" if item.is_flag(report) => self.set_delivery(Delivery::OneWay, span, report),
            "at_least_once" if item.is_flag(report) => self.set_delivery(Delivery::AtLeastOnce, span, report),
            "at_most_once" if item.is_flag(report) => self.set_delivery(Delivery::AtMostOnce, span, report),
            "fallible" | "wait_for_ready" | "oneway" | "at_least_once" | "at_most_once" => {}
            other => report.error(&item.name, messages::unknown_option(other, Self::GRAMMAR.allowed)),
        }
    }

    fn set_delivery(&mut self, delivery: Delivery, span: Span, report: &mut Report) {
        if let Some((other, _)) = self.delivery {
            report.error_at(span, messages::conflict(option_name(other), option_name(delivery)));
        }
        self.delivery = Some((delivery, span));
    }
}

impl ParameterRole {
    const GRAMMAR: Grammar = Grammar { allowed: &["context", "argument"], example: "#[rpc(context)]" };

    /// Removes each `#[rpc(...)]` from a parameter's attributes, and reads its option.
    pub(super) fn take(attrs: &mut Vec<Attribute>, report: &mut Report) -> Option<Self> {
        let mut role = None;
        for item in Self::GRAMMAR.take(attrs, report) {
            let found = match &*item.name.to_string() {
                "context" => Self::Context,
                "argument" => Self::Argument,
                other => {
                    report.error(&item.name, messages::unknown_option(other, Self::GRAMMAR.allowed));
                    continue;
                }
            };
            if item.is_flag(report) && role.replace(found).is_some_and(|other| other != found) {
                report.error(&item.name, messages::conflict("context", "argument"));
            }
        }
        role
    }
}

fn option_name(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Maybe => "maybe",
        Delivery::AtLeastOnce => "at_least_once",
        Delivery::AtMostOnce => "at_most_once",
        Delivery::OneWay => "oneway",
    }
}
