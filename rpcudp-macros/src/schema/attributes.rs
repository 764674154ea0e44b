//! The serde attributes of a type, a field or a variant.

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Path, Token};

use super::rename::Rule;
use crate::messages;
use crate::report::Report;

/// The serde attributes that concern the encoding.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) rename: Option<String>,
    pub(super) rename_all: Option<Rule>,
    pub(super) rename_all_fields: Option<Rule>,
    pub(super) is_optional: bool,
    pub(super) is_flattened: bool,
    pub(super) is_skipped: bool,
    pub(super) is_untagged: bool,
    pub(super) tag: Option<String>,
    pub(super) content: Option<String>,
    pub(super) with: Option<String>,
    /// The path of the crate `rpcudp`.
    pub(super) krate: Option<Path>,
}

/// The attributes that concern no encoding, or that a definition contains anyway: a type with
/// `transparent` has one field.
const IGNORED: [&str; 9] = [
    "alias",
    "borrow",
    "bound",
    "crate",
    "deny_unknown_fields",
    "expecting",
    "other",
    "skip_serializing_if",
    "transparent",
];

impl Attributes {
    pub(super) fn parse(attrs: &[Attribute], report: &mut Report) -> Self {
        let mut attributes = Self::default();
        for attr in attrs {
            let is_serde = attr.path().is_ident("serde");
            if !is_serde && !attr.path().is_ident("schema") {
                continue;
            }
            let Meta::List(list) = &attr.meta else { continue };
            match list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) {
                Ok(items) if is_serde => items.iter().for_each(|item| attributes.add(item, report)),
                Ok(items) => items.iter().for_each(|item| attributes.add_own(item, report)),
                Err(error) => report.push(error),
            }
        }
        attributes
    }

    /// Adds an argument of `#[serde(...)]`.
    fn add(&mut self, item: &Meta, report: &mut Report) {
        let Some(name) = item.path().get_ident().map(ToString::to_string) else { return };
        match &*name {
            "rename" => self.rename = text_of_both(item, report),
            "rename_all" => self.rename_all = rule(item, report),
            "rename_all_fields" => self.rename_all_fields = rule(item, report),
            "default" => self.is_optional = true,
            "flatten" => self.is_flattened = true,
            "skip" => self.is_skipped = true,
            "untagged" => self.is_untagged = true,
            "tag" => self.tag = text_of_both(item, report),
            "content" => self.content = text_of_both(item, report),
            "with" => self.with = text_of_both(item, report),
            name if IGNORED.contains(&name) => {}
            name => report.error(item, messages::schema_attribute(name)),
        }
    }

    /// Adds an argument of `#[schema(...)]`.
    fn add_own(&mut self, item: &Meta, report: &mut Report) {
        match item {
            Meta::NameValue(item) if item.path.is_ident("crate") => match &item.value {
                Expr::Path(path) => self.krate = Some(path.path.clone()),
                value => report.error(value, messages::SCHEMA_CRATE),
            },
            item => report.error(item, messages::SCHEMA_OPTION),
        }
    }
}

/// Returns the text of an attribute, which must be the same for both directions.
fn text_of_both(item: &Meta, report: &mut Report) -> Option<String> {
    match item {
        Meta::NameValue(item) => match &item.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        Meta::List(list) => {
            let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
            let texts: Vec<_> = parts.iter().map(|part| text_of_both(part, report)).collect();
            match &texts[..] {
                [Some(one), Some(other)] if one == other => Some(one.clone()),
                _ => {
                    report.error_at(list.span(), messages::SCHEMA_TWO_NAMES);
                    None
                }
            }
        }
        Meta::Path(_) => None,
    }
}

/// Returns the rule of a `rename_all`. serde reports an unknown one.
fn rule(item: &Meta, report: &mut Report) -> Option<Rule> {
    Rule::from_name(&text_of_both(item, report)?)
}
