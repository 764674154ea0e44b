//! The options of `#[rpc_service(...)]` and `#[rpc(...)]`.

mod duration;
mod grammar;

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
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
    pub(super) client: Option<Ident>,
    pub(super) server: Option<Ident>,
    pub(super) dynamic: Option<Dynamic>,
    /// Whether Python peers call the methods, which then need names that Python can call.
    pub(super) python: bool,
    /// Whether all methods need a link.
    pub(super) secure: bool,
    /// The pool in which the callers of all methods need a session.
    pub(super) session: Option<String>,
}

/// The option `dyn`, with the name of the trait if it has one.
pub(super) struct Dynamic(pub(super) Option<Ident>);

/// The options of a method.
#[derive(Default)]
pub(super) struct MethodOptions {
    pub(super) name: Option<LitStr>,
    pub(super) aliases: Vec<LitStr>,
    pub(super) timeout: Option<(Duration, Span)>,
    pub(super) delivery: Option<(Delivery, Span)>,
    pub(super) fallible: Option<Span>,
    /// The return type is a value, although it has the name of another type.
    pub(super) value: Option<Span>,
    pub(super) wait_for_ready: Option<Span>,
    /// The method blocks its thread.
    pub(super) blocking: Option<Span>,
    /// The method needs a link.
    pub(super) secure: bool,
    /// The pool in which a caller needs a session.
    pub(super) session: Option<String>,
}

/// The option of a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterRole {
    Context,
    Argument,
}

impl ServiceOptions {
    const GRAMMAR: Grammar = Grammar {
        allowed: &["namespace", "client", "server", "dyn", "python", "secure", "session", "crate"],
        example: "#[rpc_service(namespace = \"...\")]",
        repeatable: &[],
    };

    pub(super) fn parse(tokens: TokenStream, report: &mut Report) -> Self {
        let mut options = Self {
            namespace: String::new(),
            krate: parse_quote!(::rpcudp),
            client: None,
            server: None,
            dynamic: None,
            python: true,
            secure: false,
            session: None,
        };
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
                "client" => options.client = item.type_name("\"GreeterStub\"", report),
                "server" => options.server = item.type_name("\"GreeterService\"", report),
                "dyn" if item.has_value() => {
                    options.dynamic = Some(Dynamic(item.type_name("\"AnyGreeter\"", report)));
                }
                "dyn" => options.dynamic = Some(Dynamic(None)),
                "secure" => options.secure |= item.is_flag(report),
                "session" => options.session = item.pool(report),
                "python" => options.python = item.boolean(report).unwrap_or(false),
                other => report.error(&item.name, messages::unknown_option(other, Self::GRAMMAR.allowed)),
            }
        }
        options
    }
}

impl MethodOptions {
    const GRAMMAR: Grammar = Grammar {
        allowed: &[
            "name",
            "alias",
            "timeout",
            "oneway",
            "at_least_once",
            "at_most_once",
            "wait_for_ready",
            "blocking",
            "secure",
            "session",
            "fallible",
            "value",
        ],
        example: "#[rpc(name = \"...\")]",
        repeatable: &["alias"],
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
            "alias" => {
                let Some(alias) = item.string("\"...\"", report) else { return };
                if alias.value().is_empty() {
                    report.error(alias, messages::EMPTY_ALIAS);
                }
                self.aliases.push(alias.clone());
            }
            "timeout" => {
                let Some(text) = item.string("\"2s\"", report) else { return };
                match duration(&text.value()) {
                    Some(Duration::ZERO) => report.error(text, messages::TIMEOUT_ZERO),
                    Some(timeout) => self.timeout = Some((timeout, span)),
                    None => report.error(text, messages::TIMEOUT),
                }
            }
            "fallible" if item.is_flag(report) => self.set_returns(true, span, report),
            "value" if item.is_flag(report) => self.set_returns(false, span, report),
            "wait_for_ready" if item.is_flag(report) => self.wait_for_ready = Some(span),
            "blocking" if item.is_flag(report) => self.blocking = Some(span),
            "secure" if item.is_flag(report) => self.secure = true,
            "session" => self.session = item.pool(report),
            "oneway" if item.is_flag(report) => self.set_delivery(Delivery::OneWay, span, report),
            "at_least_once" if item.is_flag(report) => self.set_delivery(Delivery::AtLeastOnce, span, report),
            "at_most_once" if item.is_flag(report) => self.set_delivery(Delivery::AtMostOnce, span, report),
            "fallible" | "value" | "wait_for_ready" | "blocking" | "secure" | "oneway" | "at_least_once"
            | "at_most_once" => {}
            other => report.error(&item.name, messages::unknown_option(other, Self::GRAMMAR.allowed)),
        }
    }

    fn set_delivery(&mut self, delivery: Delivery, span: Span, report: &mut Report) {
        // The same option twice is reported as such.
        if let Some((other, _)) = self.delivery.filter(|(other, _)| *other != delivery) {
            report.error_at(span, messages::conflict(option_name(other), option_name(delivery)));
        }
        self.delivery = Some((delivery, span));
    }

    fn set_returns(&mut self, fallible: bool, span: Span, report: &mut Report) {
        let (same, other) = if fallible { (&mut self.fallible, self.value) } else { (&mut self.value, self.fallible) };
        *same = Some(span);
        if other.is_some() {
            report.error_at(span, messages::conflict("fallible", "value"));
        }
    }
}

impl ParameterRole {
    const GRAMMAR: Grammar = Grammar { allowed: &["context", "argument"], example: "#[rpc(context)]", repeatable: &[] };

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
