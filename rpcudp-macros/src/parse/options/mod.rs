//! What stands in the parentheses of `#[rpc_service(...)]` and `#[rpc(...)]`.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, ExprLit, ExprPath, Lit, LitStr, Meta, Path, Token, parse_quote};

use crate::messages;
use crate::model::Delivery;
use crate::report::Report;
use crate::tokens::{find, is_ident};

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
}

/// The options of a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterRole {
    Context,
    Argument,
}

/// What may stand in the parentheses at one place.
struct Grammar {
    allowed: &'static [&'static str],
    /// What the place looks like with an option in it.
    example: &'static str,
}

/// `name` or `name = value`.
struct Item {
    name: Ident,
    value: Option<Expr>,
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.name.to_tokens(tokens);
        self.value.to_tokens(tokens);
    }
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
        allowed: &["name", "timeout", "oneway", "at_least_once", "at_most_once", "fallible"],
        example: "#[rpc(name = \"...\")]",
    };

    /// Takes the `#[rpc(...)]` out of a method's attributes and reads them.
    pub(super) fn take(attrs: &mut Vec<Attribute>, report: &mut Report) -> Self {
        let mut options = Self::default();
        for item in Self::GRAMMAR.take(attrs, report) {
            options.set(&item, report);
        }
        options
    }

    fn set(&mut self, item: &Item, report: &mut Report) {
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
            "oneway" if item.is_flag(report) => self.deliver(Delivery::OneWay, span, report),
            "at_least_once" if item.is_flag(report) => self.deliver(Delivery::AtLeastOnce, span, report),
            "at_most_once" if item.is_flag(report) => self.deliver(Delivery::AtMostOnce, span, report),
            "fallible" | "oneway" | "at_least_once" | "at_most_once" => {}
            other => report.error(&item.name, messages::unknown_option(other, Self::GRAMMAR.allowed)),
        }
    }

    fn deliver(&mut self, delivery: Delivery, span: Span, report: &mut Report) {
        if let Some((other, _)) = self.delivery {
            report.error_at(span, messages::conflict(option_name(other), option_name(delivery)));
        }
        self.delivery = Some((delivery, span));
    }
}

impl ParameterRole {
    const GRAMMAR: Grammar = Grammar { allowed: &["context", "argument"], example: "#[rpc(context)]" };

    /// Takes the `#[rpc(...)]` out of a parameter's attributes and reads them.
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

impl Grammar {
    /// The options of all `#[rpc(...)]` among the attributes, which lose them.
    fn take(&self, attrs: &mut Vec<Attribute>, report: &mut Report) -> Vec<Item> {
        let mut tokens = TokenStream::new();
        for attr in attrs.extract_if(.., |attr| attr.path().is_ident("rpc")) {
            match attr.meta {
                Meta::List(list) if !list.tokens.is_empty() => {
                    tokens.extend(list.tokens);
                    <Token![,]>::default().to_tokens(&mut tokens);
                }
                other => report.error(&other, messages::rpc_without_options(self.example)),
            }
        }
        for attr in attrs.extract_if(.., |attr| attr.path().is_ident("cfg_attr") && find(attr, &rpc_len).is_some()) {
            report.error(&find(&attr, &rpc_len), messages::RPC_IN_CFG_ATTR);
        }
        self.items(tokens, report)
    }

    /// Options, each of which occurs once.
    fn items(&self, tokens: TokenStream, report: &mut Report) -> Vec<Item> {
        let parse = |input: ParseStream<'_>| {
            let mut items = Vec::new();
            while !input.is_empty() {
                items.push(self.item(input)?);
                input.parse::<Option<Token![,]>>()?;
            }
            Ok(items)
        };
        let items = parse.parse2(tokens).unwrap_or_else(|error| {
            report.push(error);
            Vec::new()
        });
        for (at, item) in items.iter().enumerate() {
            if items[..at].iter().any(|earlier| earlier.name == item.name) {
                report.error(&item.name, messages::duplicate_option(&item.name.to_string()));
            }
        }
        items
    }

    fn item(&self, input: ParseStream<'_>) -> syn::Result<Item> {
        if !input.peek(Ident::peek_any) {
            return Err(input.error(messages::option_without_name(self.example, self.allowed)));
        }
        let name = input.call(Ident::parse_any)?;
        let value = if input.parse::<Option<Token![=]>>()?.is_some() { Some(input.parse()?) } else { None };
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(input.error(messages::after_option(self.example)));
        }
        Ok(Item { name, value })
    }
}

impl Item {
    fn string(&self, example: &str, report: &mut Report) -> Option<&LitStr> {
        match self.value.as_ref().map(ungrouped) {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Some(text),
            _ => {
                report.error(self, messages::needs_value(&self.name.to_string(), example));
                None
            }
        }
    }

    fn path(&self, report: &mut Report) -> Option<Path> {
        let path = match self.value.as_ref().map(ungrouped) {
            Some(Expr::Path(ExprPath { path, qself: None, .. })) => Some(path.clone()),
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => text.parse().ok(),
            _ => None,
        };
        if path.is_none() {
            report.error(self, messages::needs_value(&self.name.to_string(), "path::to::rpcudp"));
        }
        path
    }

    fn is_flag(&self, report: &mut Report) -> bool {
        if let Some(value) = &self.value {
            report.error(value, messages::takes_no_value(&self.name.to_string()));
        }
        self.value.is_none()
    }
}

/// What a macro passes on as `$value` is in a group that nobody has written.
fn ungrouped(value: &Expr) -> &Expr {
    match value {
        Expr::Group(group) => ungrouped(&group.expr),
        value => value,
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

/// Matches `rpc(...)`, as it stands in a `cfg_attr`.
fn rpc_len(rest: &[TokenTree]) -> usize {
    match rest {
        [rpc, TokenTree::Group(_), ..] if is_ident(rpc, "rpc") => 2,
        _ => 0,
    }
}

/// Reads "300ms"; `None` where it is no duration.
fn duration(text: &str) -> Option<Duration> {
    let digits_len = text.find(|character: char| !character.is_ascii_digit())?;
    let (digits, unit) = text.split_at(digits_len);
    let number = digits.parse::<u64>().ok()?;
    match unit {
        "us" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(duration("250us"), Some(Duration::from_micros(250)));
        assert_eq!(duration("300ms"), Some(Duration::from_millis(300)));
        assert_eq!(duration("2s"), Some(Duration::from_secs(2)));
        assert_eq!(duration("1m"), Some(Duration::from_secs(60)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        for wrong in ["", "s", "2", "2h", "2 s", "-1s", "1.5s", "99999999999999999999s", "18446744073709551615m"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
