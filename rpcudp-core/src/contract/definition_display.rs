use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use super::definition::{Definition, Field, Fields, Shape, Tagging};
use super::named::identifier;

/// Prints the source of a type whose values have the same encoding.
///
/// A definition from an untrusted peer is printable text, but need not compile.
impl Display for Definition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, generics, shape } = self;
        f.write_str("#[derive(Deserialize, Schema, Serialize)]\n")?;
        match shape {
            Shape::Enum(Tagging::Internal(tag), _) => writeln!(f, "#[serde(tag = {tag:?})]")?,
            Shape::Enum(Tagging::Adjacent(tag, content), _) => {
                writeln!(f, "#[serde(tag = {tag:?}, content = {content:?})]")?;
            }
            Shape::Enum(Tagging::Untagged, _) => f.write_str("#[serde(untagged)]\n")?,
            Shape::Enum(Tagging::External, _) | Shape::Struct(_) => {}
        }
        let keyword = if matches!(shape, Shape::Enum(..)) { "enum" } else { "struct" };
        write!(f, "pub {keyword} {name}")?;
        if !generics.is_empty() {
            write!(f, "<{generics}>")?;
        }
        match shape {
            Shape::Struct(fields) => {
                write_fields(f, fields, "")?;
                f.write_str(if matches!(fields, Fields::Named(_)) { "\n" } else { ";\n" })
            }
            Shape::Enum(_, variants) if variants.is_empty() => f.write_str(" {}\n"),
            Shape::Enum(_, variants) => {
                f.write_str(" {\n")?;
                let names: Vec<_> = variants.iter().map(|variant| &*variant.name).collect();
                for (variant, name) in variants.iter().zip(source_names(&names)) {
                    write_attribute(f, "    ", &rename(&variant.name, &name).into_iter().collect::<Vec<_>>(), "\n")?;
                    write!(f, "    {name}")?;
                    write_fields(f, &variant.fields, "    ")?;
                    f.write_str(",\n")?;
                }
                f.write_str("}\n")
            }
        }
    }
}

fn write_fields(f: &mut Formatter<'_>, fields: &Fields, indent: &str) -> fmt::Result {
    match fields {
        Fields::Unit => Ok(()),
        Fields::Unnamed(fields) => {
            f.write_str("(")?;
            for (at, field) in fields.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { ", " })?;
                write_attribute(f, "", &attributes(field, ""), " ")?;
                f.write_str(&field.ty)?;
            }
            f.write_str(")")
        }
        Fields::Named(fields) if fields.is_empty() => f.write_str(" {}"),
        Fields::Named(fields) => {
            f.write_str(" {\n")?;
            let names: Vec<_> = fields.iter().map(|field| &*field.name).collect();
            for (field, name) in fields.iter().zip(source_names(&names)) {
                let indent = format!("{indent}    ");
                write_attribute(f, &indent, &attributes(field, &name), "\n")?;
                writeln!(f, "{indent}{name}: {},", field.ty)?;
            }
            write!(f, "{indent}}}")
        }
    }
}

/// Returns the arguments of a field's `#[serde(...)]`.
fn attributes(field: &Field, source_name: &str) -> Vec<String> {
    let mut attributes = Vec::new();
    if field.is_optional {
        attributes.push("default".into());
    }
    if field.is_flattened {
        attributes.push("flatten".into());
    }
    // The name of a flattened field is not on the wire.
    attributes.extend(rename(&field.name, source_name).filter(|_| !field.is_flattened));
    if !field.with.is_empty() {
        attributes.push(format!("with = {:?}", field.with));
    }
    attributes
}

fn write_attribute(f: &mut Formatter<'_>, indent: &str, arguments: &[String], end: &str) -> fmt::Result {
    if arguments.is_empty() { Ok(()) } else { write!(f, "{indent}#[serde({})]{end}", arguments.join(", ")) }
}

/// Returns the attribute that gives an item of the source another name on the wire.
fn rename(wire_name: &str, source_name: &str) -> Option<String> {
    let own = source_name.strip_prefix("r#").unwrap_or(source_name);
    (wire_name != own).then(|| format!("rename = {wire_name:?}"))
}

/// Returns names for the source: those on the wire where they are identifiers, and others like
/// them, each once.
fn source_names<'a>(wire_names: &[&'a str]) -> Vec<Cow<'a, str>> {
    let mut taken: BTreeSet<Cow<'a, str>> = wire_names.iter().map(|name| Cow::Borrowed(*name)).collect();
    let unique = |(at, wire_name): (usize, &&'a str)| {
        let name = identifier(wire_name).map_or(Cow::Borrowed(*wire_name), Cow::Owned);
        let is_wire_name = name.strip_prefix("r#").unwrap_or(&name) == *wire_name;
        if taken.insert(name.clone()) || is_wire_name { name } else { format!("{name}_{at}").into() }
    };
    wire_names.iter().enumerate().map(unique).collect()
}
