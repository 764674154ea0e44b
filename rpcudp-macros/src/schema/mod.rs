//! `#[derive(Schema)]`: the definition of a type as data, for the contracts that mention it.
//!
//! `parse` reads the type and its serde attributes into a `Definition`, and collects all errors.
//! `expand` writes the implementation of the trait `Schema`, and cannot fail.

mod attributes;
pub(crate) mod expand;
pub(crate) mod mentions;
mod parse;
mod rename;

use proc_macro2::TokenStream;
use syn::{Generics, Ident, Path, Type};

/// The definition of a type, with the names on the wire.
struct Definition {
    ident: Ident,
    generics: Generics,
    /// The path of the crate `rpcudp`.
    krate: Path,
    shape: Shape,
}

enum Shape {
    Struct(Fields),
    Enum(Tagging, Vec<Variant>),
}

enum Fields {
    Unit,
    Unnamed(Vec<Field>),
    Named(Vec<Field>),
}

struct Field {
    name: String,
    ty: Type,
    is_optional: bool,
    is_flattened: bool,
    with: String,
}

struct Variant {
    name: String,
    fields: Fields,
}

enum Tagging {
    External,
    Internal(String),
    Adjacent(String, String),
    Untagged,
}

impl Fields {
    fn list(&self) -> &[Field] {
        match self {
            Self::Unit => &[],
            Self::Unnamed(fields) | Self::Named(fields) => fields,
        }
    }
}

/// Returns the implementation of `Schema`, or the errors.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    match parse::definition(input) {
        Ok(definition) => expand::schema(&definition),
        Err(errors) => errors.into_compile_error(),
    }
}
