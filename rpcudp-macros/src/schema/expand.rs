use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{GenericParam, Generics};

use super::{Definition, Field, Fields, Shape, Tagging, Variant, mentions};
use crate::model::unraw;
use crate::text;

/// The number of constants of a type, one for each distance from the contract.
const LEVEL_COUNT: usize = 9;

/// Writes the implementation of `Schema`.
///
/// A type may contain itself, and a constant may not refer to itself. So the constant of each level
/// refers to those of the level below, and the lowest to none.
///
/// ```text
/// const _: () = {
///     use ::rpcudp::__private::schema::NoSchema as __NoSchema;
///     impl ::rpcudp::Schema for Player {
///         const DEFINITION: &'static Definition = &Definition { name: text("Player"), .. };
///         const HASH: u64 = hash(Self::DEFINITION);
///         const LEVEL_0: &'static Node = &Node { parts: &[], .. };
///         const LEVEL_1: &'static Node = &Node { parts: &[Probe::<Item>::LEVEL_0], .. };
///     }
/// };
/// ```
pub(super) fn schema(definition: &Definition) -> TokenStream {
    let Definition { ident, generics, krate, shape } = definition;
    let schema = &quote!(#krate::__private::schema);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let (name, parameters) = (unraw(ident), parameters(generics));
    let mut parts = Vec::new();
    for field in fields_of(shape) {
        mentions::collect(&field.ty, &|_| true, &mut parts);
    }
    let shape = self::shape(shape, schema);
    let levels = (0..LEVEL_COUNT).map(|level| {
        let constant = level_name(level);
        let parts = level.checked_sub(1).map(level_name).map(|below| quote!(#(#schema::Probe::<#parts>::#below),*));
        quote! {
            const #constant: &'static #schema::Node = &#schema::Node {
                definition: Self::DEFINITION,
                place: #schema::module_path!(),
                hash: Self::HASH,
                parts: &[#parts],
            };
        }
    });
    let import = import(schema);
    quote! {
        const _: () = {
            #import
            #[automatically_derived]
            impl #impl_generics #krate::Schema for #ident #type_generics #where_clause {
                const DEFINITION: &'static #schema::Definition = &#schema::Definition {
                    name: #schema::text(#name),
                    generics: #schema::text(#parameters),
                    shape: #shape,
                };
                const HASH: u64 = #schema::hash(Self::DEFINITION);
                #(#levels)*
            }
        };
    }
}

/// Imports the trait whose constants a type without a definition has. The constant uses the import
/// if all types have one.
pub(crate) fn import(schema: &TokenStream) -> TokenStream {
    quote! {
        use #schema::NoSchema as __NoSchema;
        const _: #schema::Mention = <#schema::Probe<()> as __NoSchema>::LEVEL_0;
    }
}

/// Returns the constant from which a contract finds the types behind one that it mentions.
pub(crate) fn top_level() -> Ident {
    level_name(LEVEL_COUNT - 1)
}

fn level_name(level: usize) -> Ident {
    Ident::new(&format!("LEVEL_{level}"), Span::call_site())
}

/// Returns the parameters of a type without their bounds and defaults.
fn parameters(generics: &Generics) -> String {
    let parameters = generics.params.iter().map(|parameter| match parameter {
        GenericParam::Lifetime(parameter) => text::of(&parameter.lifetime),
        GenericParam::Type(parameter) => text::of(&parameter.ident),
        GenericParam::Const(parameter) => format!("const {}: {}", parameter.ident, text::of(&parameter.ty)),
    });
    parameters.collect::<Vec<_>>().join(", ")
}

fn fields_of(shape: &Shape) -> Vec<&Field> {
    match shape {
        Shape::Struct(fields) => fields.list().iter().collect(),
        Shape::Enum(_, variants) => variants.iter().flat_map(|variant| variant.fields.list()).collect(),
    }
}

fn shape(shape: &Shape, schema: &TokenStream) -> TokenStream {
    match shape {
        Shape::Struct(fields) => {
            let fields = self::fields(fields, schema);
            quote!(#schema::Shape::Struct(#fields))
        }
        Shape::Enum(tagging, variants) => {
            let tagging = match tagging {
                Tagging::External => quote!(External),
                Tagging::Internal(tag) => quote!(Internal(#schema::text(#tag))),
                Tagging::Adjacent(tag, content) => quote!(Adjacent(#schema::text(#tag), #schema::text(#content))),
                Tagging::Untagged => quote!(Untagged),
            };
            let variants = variants.iter().map(|Variant { name, fields }| {
                let fields = self::fields(fields, schema);
                quote!(#schema::Variant { name: #schema::text(#name), fields: #fields })
            });
            quote!(#schema::Shape::Enum(#schema::Tagging::#tagging, #schema::list(const { &[#(#variants),*] })))
        }
    }
}

fn fields(fields: &Fields, schema: &TokenStream) -> TokenStream {
    let list = fields.list().iter().map(|Field { name, ty, is_optional, is_flattened, with }| {
        let ty = text::of(ty);
        let is_optional = is_optional.then(|| quote!(is_optional: true,));
        let is_flattened = is_flattened.then(|| quote!(is_flattened: true,));
        let with = (!with.is_empty()).then(|| quote!(with: #schema::text(#with),));
        quote! {
            #schema::Field {
                name: #schema::text(#name),
                ty: #schema::text(#ty),
                #is_optional
                #is_flattened
                #with
                ..#schema::Field::EMPTY
            }
        }
    });
    match fields {
        Fields::Unit => quote!(#schema::Fields::Unit),
        Fields::Unnamed(_) => quote!(#schema::Fields::Unnamed(#schema::list(const { &[#(#list),*] }))),
        Fields::Named(_) => quote!(#schema::Fields::Named(#schema::list(const { &[#(#list),*] }))),
    }
}
