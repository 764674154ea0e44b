//! What stands in the parentheses of `#[rpc_service(...)]` and `#[rpc(...)]`.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, ExprPath, Lit, LitStr, Meta, Path, Token, parse_quote};

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
}

/// The options of a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterRole {
    Context,
    Argument,
}

/// `name` or `name = value`.
struct Item {
    name: Ident,
    value: Option<Expr>,
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.call(Ident::parse_any)?;
        let value = if input.parse::<Option<Token![=]>>()?.is_some() { Some(input.parse()?) } else { None };
        Ok(Self { name, value })
    }
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.name.to_tokens(tokens);
        self.value.to_tokens(tokens);
    }
}

impl ServiceOptions {
    pub(super) fn parse(tokens: TokenStream, report: &mut Report) -> Self {
        let mut options = Self { namespace: String::new(), krate: parse_quote!(::rpcudp) };
        for item in items(tokens, report) {
            match &*item.name.to_string() {
                "namespace" => {
                    options.namespace = item.string("\"kad.\"", report).map_or_else(String::new, |name| name.value());
                }
                "crate" => {
                    if let Some(path) = item.path(report) {
                        options.krate = path;
                    }
                }
                other => report.error(&item.name, messages::unknown_option(other, &["namespace", "crate"])),
            }
        }
        options
    }
}

impl MethodOptions {
    const ALLOWED: &[&str] = &["name", "timeout", "oneway", "at_least_once", "at_most_once", "fallible"];

    /// Takes the `#[rpc(...)]` out of a method's attributes and reads them.
    pub(super) fn take(attrs: &mut Vec<Attribute>, report: &mut Report) -> Self {
        let mut options = Self::default();
        for item in take_items(attrs, report) {
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
                    Some(timeout) => self.timeout = Some((timeout, span)),
                    None => report.error(text, messages::TIMEOUT),
                }
            }
            "fallible" if item.is_flag(report) => self.fallible = Some(span),
            "oneway" if item.is_flag(report) => self.deliver(Delivery::OneWay, span, report),
            "at_least_once" if item.is_flag(report) => self.deliver(Delivery::AtLeastOnce, span, report),
            "at_most_once" if item.is_flag(report) => self.deliver(Delivery::AtMostOnce, span, report),
            "fallible" | "oneway" | "at_least_once" | "at_most_once" => {}
            other => report.error(&item.name, messages::unknown_option(other, Self::ALLOWED)),
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
    /// Takes the `#[rpc(...)]` out of a parameter's attributes and reads them.
    pub(super) fn take(attrs: &mut Vec<Attribute>, report: &mut Report) -> Option<Self> {
        let mut role = None;
        for item in take_items(attrs, report) {
            let found = match &*item.name.to_string() {
                "context" => Self::Context,
                "argument" => Self::Argument,
                other => {
                    report.error(&item.name, messages::unknown_option(other, &["context", "argument"]));
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

impl Item {
    fn string(&self, example: &str, report: &mut Report) -> Option<&LitStr> {
        match &self.value {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Some(text),
            _ => {
                report.error(self, messages::needs_value(&self.name.to_string(), example));
                None
            }
        }
    }

    fn path(&self, report: &mut Report) -> Option<Path> {
        let path = match &self.value {
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

fn option_name(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Maybe => "maybe",
        Delivery::AtLeastOnce => "at_least_once",
        Delivery::AtMostOnce => "at_most_once",
        Delivery::OneWay => "oneway",
    }
}

/// The options of all `#[rpc(...)]` among the attributes, which lose them.
fn take_items(attrs: &mut Vec<Attribute>, report: &mut Report) -> Vec<Item> {
    let mut tokens = TokenStream::new();
    let (ours, theirs): (Vec<_>, Vec<_>) =
        std::mem::take(attrs).into_iter().partition(|attr| attr.path().is_ident("rpc"));
    *attrs = theirs;
    for attr in ours {
        match attr.meta {
            Meta::List(list) => {
                tokens.extend(list.tokens);
                <Token![,]>::default().to_tokens(&mut tokens);
            }
            other => report.error(&other, messages::RPC_WITHOUT_OPTIONS),
        }
    }
    items(tokens, report)
}

/// Options, each of which occurs once.
fn items(tokens: TokenStream, report: &mut Report) -> Vec<Item> {
    let parsed = Punctuated::<Item, Token![,]>::parse_terminated.parse2(tokens);
    let items: Vec<_> = match parsed {
        Ok(items) => items.into_iter().collect(),
        Err(error) => {
            report.push(error);
            return Vec::new();
        }
    };
    for (at, item) in items.iter().enumerate() {
        if items[..at].iter().any(|earlier| earlier.name == item.name) {
            report.error(&item.name, messages::duplicate_option(&item.name.to_string()));
        }
    }
    items
}

/// Reads "300ms"; `None` where it is no duration, or none at all.
fn duration(text: &str) -> Option<Duration> {
    let digits_len = text.find(|character: char| !character.is_ascii_digit())?;
    let (digits, unit) = text.split_at(digits_len);
    let number = digits.parse::<u64>().ok().filter(|number| *number > 0)?;
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
        for wrong in ["", "s", "2", "2h", "2 s", "0s", "-1s", "1.5s", "99999999999999999999s", "18446744073709551615m"]
        {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
