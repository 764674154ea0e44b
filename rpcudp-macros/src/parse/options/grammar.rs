//! The grammar of options: `name` or `name = value`, separated by commas.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, ExprLit, ExprPath, Lit, LitStr, Meta, Path, Token};

use crate::messages;
use crate::report::Report;
use crate::tokens::{find, is_ident};

/// The options of one place.
pub(super) struct Grammar {
    pub(super) allowed: &'static [&'static str],
    /// The attribute with an option, for messages.
    pub(super) example: &'static str,
    /// The options that may occur several times.
    pub(super) repeatable: &'static [&'static str],
}

/// An option as it is written: `name` or `name = value`.
pub(super) struct OptionItem {
    pub(super) name: Ident,
    value: Option<Expr>,
}

impl ToTokens for OptionItem {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.name.to_tokens(tokens);
        self.value.to_tokens(tokens);
    }
}

impl Grammar {
    /// Removes each `#[rpc(...)]` from the attributes. Returns its options.
    pub(super) fn take(&self, attrs: &mut Vec<Attribute>, report: &mut Report) -> Vec<OptionItem> {
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

    /// Reads options. Reports each that occurs twice.
    pub(super) fn items(&self, tokens: TokenStream, report: &mut Report) -> Vec<OptionItem> {
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
            let is_repeatable = self.repeatable.iter().any(|name| item.name == name);
            if !is_repeatable && items[..at].iter().any(|earlier| earlier.name == item.name) {
                report.error(&item.name, messages::duplicate_option(&item.name.to_string()));
            }
        }
        items
    }

    fn item(&self, input: ParseStream<'_>) -> syn::Result<OptionItem> {
        if !input.peek(Ident::peek_any) {
            return Err(input.error(messages::option_without_name(self.example, self.allowed)));
        }
        let name = input.call(Ident::parse_any)?;
        let value = if input.parse::<Option<Token![=]>>()?.is_some() { Some(input.parse()?) } else { None };
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(input.error(messages::after_option(self.example)));
        }
        Ok(OptionItem { name, value })
    }
}

impl OptionItem {
    pub(super) fn string(&self, example: &str, report: &mut Report) -> Option<&LitStr> {
        match self.value.as_ref().map(ungrouped) {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Some(text),
            _ => {
                report.error(self, messages::needs_value(&self.name.to_string(), example, self.has_value()));
                None
            }
        }
    }

    pub(super) fn has_value(&self) -> bool {
        self.value.is_some()
    }

    /// Returns the name of a type that the macro generates.
    pub(super) fn type_name(&self, example: &str, report: &mut Report) -> Option<Ident> {
        let text = self.string(example, report)?;
        let name = text.parse().ok();
        if name.is_none() {
            report.error(text, messages::not_a_name(&self.name.to_string(), example));
        }
        name
    }

    /// Returns the name of a pool of sessions: empty if the option has no value.
    pub(super) fn pool(&self, report: &mut Report) -> Option<String> {
        if !self.has_value() {
            return Some(String::new());
        }
        let name = self.string("\"operator\"", report)?;
        if name.value().is_empty() {
            report.error(name, messages::EMPTY_POOL);
        }
        Some(name.value())
    }

    pub(super) fn boolean(&self, report: &mut Report) -> Option<bool> {
        match self.value.as_ref().map(ungrouped) {
            Some(Expr::Lit(ExprLit { lit: Lit::Bool(value), .. })) => Some(value.value),
            _ => {
                report.error(self, messages::needs_bool(&self.name.to_string(), self.has_value()));
                None
            }
        }
    }

    pub(super) fn path(&self, report: &mut Report) -> Option<Path> {
        let path = match self.value.as_ref().map(ungrouped) {
            Some(Expr::Path(ExprPath { path, qself: None, .. })) => Some(path.clone()),
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => text.parse().ok(),
            _ => None,
        };
        if path.is_none() {
            report.error(self, messages::needs_value(&self.name.to_string(), "path::to::rpcudp", self.has_value()));
        }
        path
    }

    pub(super) fn is_flag(&self, report: &mut Report) -> bool {
        if let Some(value) = &self.value {
            report.error(value, messages::takes_no_value(&self.name.to_string()));
        }
        self.value.is_none()
    }
}

/// Returns the expression inside the invisible group that `macro_rules!` puts around a `$value`.
fn ungrouped(value: &Expr) -> &Expr {
    match value {
        Expr::Group(group) => ungrouped(&group.expr),
        value => value,
    }
}

/// Returns the length of `rpc(...)` within a `cfg_attr`.
fn rpc_len(rest: &[TokenTree]) -> usize {
    match rest {
        [rpc, TokenTree::Group(_), ..] if is_ident(rpc, "rpc") => 2,
        _ => 0,
    }
}
