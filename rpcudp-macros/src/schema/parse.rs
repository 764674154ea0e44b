use proc_macro2::TokenStream;
use syn::{Data, DeriveInput, Error};

use super::attributes::Attributes;
use super::rename::Rule;
use super::{Definition, Field, Fields, Shape, Tagging, Variant};
use crate::messages;
use crate::model::unraw;
use crate::report::Report;

/// Reads the definition of a type.
pub(super) fn definition(input: TokenStream) -> Result<Definition, Error> {
    let input: DeriveInput = syn::parse2(input)?;
    let mut report = Report::default();
    let attributes = Attributes::parse(&input.attrs, &mut report);
    let shape = match &input.data {
        Data::Struct(data) => {
            if attributes.tag.is_some() {
                report.error(&input.ident, messages::SCHEMA_TAGGED_STRUCT);
            }
            let scope = Scope { rule: attributes.rename_all, is_optional: attributes.is_optional };
            Shape::Struct(fields(&data.fields, &scope, &mut report))
        }
        Data::Enum(data) => {
            let variants = data.variants.iter().filter_map(|variant| {
                let own = Attributes::parse(&variant.attrs, &mut report);
                if own.is_skipped {
                    return None;
                }
                if own.with.is_some() || own.is_untagged {
                    report.error(&variant.ident, messages::SCHEMA_VARIANT);
                }
                let name = unraw(&variant.ident);
                let renamed =
                    || attributes.rename_all.map_or_else(|| name.clone(), |rule| rule.apply_to_variant(&name));
                let scope = Scope { rule: own.rename_all.or(attributes.rename_all_fields), is_optional: false };
                let fields = fields(&variant.fields, &scope, &mut report);
                Some(Variant { name: own.rename.unwrap_or_else(renamed), fields })
            });
            let variants = variants.collect();
            let tagging = match (attributes.is_untagged, &attributes.tag, &attributes.content) {
                (true, ..) => Tagging::Untagged,
                (false, Some(tag), Some(content)) => Tagging::Adjacent(tag.clone(), content.clone()),
                (false, Some(tag), None) => Tagging::Internal(tag.clone()),
                (false, None, _) => Tagging::External,
            };
            Shape::Enum(tagging, variants)
        }
        Data::Union(_) => {
            report.error(&input.ident, messages::SCHEMA_UNION);
            Shape::Struct(Fields::Unit)
        }
    };
    report.into_result()?;
    let krate = attributes.krate.unwrap_or_else(|| syn::parse_quote!(::rpcudp));
    Ok(Definition { ident: input.ident, generics: input.generics, krate, shape })
}

/// The attributes of a type or a variant that concern its fields.
struct Scope {
    rule: Option<Rule>,
    is_optional: bool,
}

fn fields(fields: &syn::Fields, scope: &Scope, report: &mut Report) -> Fields {
    let mut field = |item: &syn::Field| {
        let own = Attributes::parse(&item.attrs, report);
        if own.is_skipped {
            return None;
        }
        let renamed = |name: String| scope.rule.map_or_else(|| name.clone(), |rule| rule.apply_to_field(&name));
        let name = item.ident.as_ref().map(|ident| own.rename.clone().unwrap_or_else(|| renamed(unraw(ident))));
        Some(Field {
            // A flattened field has no name on the wire.
            name: name.unwrap_or_default(),
            ty: item.ty.clone(),
            is_optional: own.is_optional || scope.is_optional,
            is_flattened: own.is_flattened,
            with: own.with.unwrap_or_default(),
        })
    };
    match fields {
        syn::Fields::Unit => Fields::Unit,
        syn::Fields::Unnamed(fields) => Fields::Unnamed(fields.unnamed.iter().filter_map(&mut field).collect()),
        syn::Fields::Named(fields) => Fields::Named(fields.named.iter().filter_map(&mut field).collect()),
    }
}
