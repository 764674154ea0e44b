//! The types of a contract as annotations of Python.

use std::collections::BTreeSet;

use syn::{GenericArgument, PathArguments, PathSegment, Type};

use super::python_names::identifier;

/// The annotation of a value of any type.
const ANY: &str = "Any";

/// Translates types, and collects the names that are not translated.
#[derive(Debug, Default)]
pub(super) struct PythonTypes {
    /// The names of types that only the peer's program defines.
    pub(super) aliases: BTreeSet<String>,
}

impl PythonTypes {
    /// The brackets and references of a type above which it is not read: a peer sends the type, and
    /// the parser calls itself for each.
    const MAX_NESTING: usize = 64;

    /// Returns the annotation of a type, as it is written in the contract.
    pub(super) fn annotation(&mut self, ty: &str) -> String {
        parse(ty).map_or_else(|| ANY.into(), |ty| self.translate(&ty))
    }

    /// Returns the annotation of a returned type, which is that of the value for a fallible method.
    pub(super) fn returned(&mut self, ty: &str, is_fallible: bool) -> String {
        let Some(parsed) = parse(ty) else { return ANY.into() };
        let value = if is_fallible { type_arguments(&parsed).into_iter().next().cloned() } else { Some(parsed) };
        value.map_or_else(|| ANY.into(), |value| self.translate(&value))
    }

    fn translate(&mut self, ty: &Type) -> String {
        match ty {
            Type::Reference(reference) => self.translate(&reference.elem),
            Type::Paren(inner) => self.translate(&inner.elem),
            Type::Group(inner) => self.translate(&inner.elem),
            Type::Slice(slice) => self.sequence(&slice.elem),
            // The codec writes an array of bytes as a list.
            Type::Array(array) => format!("list[{}]", self.translate(&array.elem)),
            Type::Tuple(tuple) if tuple.elems.is_empty() => "None".into(),
            Type::Tuple(tuple) => {
                let elements: Vec<_> = tuple.elems.iter().map(|element| self.translate(element)).collect();
                format!("list[{}]", union(elements))
            }
            Type::Path(path) if path.qself.is_none() => match path.path.segments.last() {
                Some(segment) => self.named(segment, &type_arguments(ty)),
                None => ANY.into(),
            },
            _ => ANY.into(),
        }
    }

    /// Translates the type of this name, with these arguments.
    fn named(&mut self, segment: &PathSegment, arguments: &[&Type]) -> String {
        let name = segment.ident.to_string();
        match (name.as_str(), arguments) {
            ("i8" | "i16" | "i32" | "i64" | "isize" | "u8" | "u16" | "u32" | "u64" | "usize", []) => "int".into(),
            // Above 64 bits, they travel as bytes.
            ("i128" | "u128", []) => "int | bytes".into(),
            ("f32" | "f64", []) => "float".into(),
            ("bool", []) => "bool".into(),
            ("str" | "String" | "char" | "Path" | "PathBuf" | "Uuid" | "Url", []) => "str".into(),
            ("IpAddr" | "Ipv4Addr" | "Ipv6Addr" | "SocketAddr" | "SocketAddrV4" | "SocketAddrV6", []) => "str".into(),
            ("Bytes" | "ByteBuf" | "BytesMut", []) => "bytes".into(),
            ("Timestamp", []) => "datetime".into(),
            ("Ext", []) => "Ext".into(),
            ("Value" | "Encoded", []) => ANY.into(),
            ("Option", [inner]) => union(vec![self.translate(inner), "None".into()]),
            ("Box" | "Arc" | "Rc" | "Cow", [inner]) => self.translate(inner),
            ("Vec" | "VecDeque" | "LinkedList" | "HashSet" | "BTreeSet" | "IndexSet", [element, ..]) => {
                self.sequence(element)
            }
            ("HashMap" | "BTreeMap" | "IndexMap", [key, value, ..]) => {
                format!("dict[{}, {}]", self.translate(key), self.translate(value))
            }
            _ => {
                let alias = identifier(&name);
                self.aliases.insert(alias.clone());
                alias
            }
        }
    }

    fn sequence(&mut self, element: &Type) -> String {
        match element {
            Type::Path(path) if path.path.is_ident("u8") => "bytes".into(),
            element => format!("list[{}]", self.translate(element)),
        }
    }
}

fn parse(ty: &str) -> Option<Type> {
    let nesting = ty.chars().filter(|character| "([{<&*".contains(*character)).count();
    if nesting > PythonTypes::MAX_NESTING { None } else { syn::parse_str(ty).ok() }
}

/// Returns the type arguments of a path, without lifetimes and constants.
fn type_arguments(ty: &Type) -> Vec<&Type> {
    let Type::Path(path) = ty else { return Vec::new() };
    let Some(PathSegment { arguments: PathArguments::AngleBracketed(arguments), .. }) = path.path.segments.last()
    else {
        return Vec::new();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// Returns the union of annotations, without repetition.
fn union(annotations: Vec<String>) -> String {
    let mut parts: Vec<&str> = Vec::new();
    // An annotation may be a union itself; a bar inside brackets splits no annotation that repeats.
    for part in &annotations {
        if !parts.contains(&part.as_str()) {
            parts.push(part);
        }
    }
    if parts.contains(&ANY) { ANY.into() } else { parts.join(" | ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_become_annotations() {
        for (ty, annotation) in [
            ("()", "None"),
            ("u64", "int"),
            ("u128", "int | bytes"),
            ("&'a str", "str"),
            ("Cow<'_, [u8]>", "bytes"),
            ("Vec<u8>", "bytes"),
            ("[u8; 20]", "list[int]"),
            ("Option<Vec<String>>", "list[str] | None"),
            ("std::collections::HashMap<String, Option<f64>>", "dict[str, float | None]"),
            ("(String, u16)", "list[str | int]"),
            ("(u8, u16)", "list[int]"),
            ("Box<[Value]>", "list[Any]"),
            ("Option<Value>", "Any"),
            ("Timestamp", "datetime"),
            ("impl Fn()", "Any"),
            ("fn(u8) -> u8", "Any"),
            ("<T as Trait>::Item", "Any"),
            ("no type", "Any"),
            ("Color", "Color"),
            ("Page<User>", "Page"),
            ("Self::None", "None_"),
        ] {
            assert_eq!(PythonTypes::default().annotation(ty), annotation, "{ty}");
        }
        let mut types = PythonTypes::default();
        assert_eq!(types.returned("Result<Option<User>, Error>", true), "User | None");
        assert_eq!(types.returned("Outcome", true), "Any");
        assert_eq!(types.aliases, ["User".to_owned()].into());
    }

    #[test]
    fn deep_type_of_a_hostile_peer_is_not_read() {
        let deep = format!("{}u8{}", "(".repeat(100_000), ")".repeat(100_000));
        assert_eq!(PythonTypes::default().annotation(&deep), "Any");
        assert_eq!(PythonTypes::default().annotation(&"&".repeat(100_000)), "Any");
        assert_eq!(PythonTypes::default().annotation(&"Vec<".repeat(100_000)), "Any");
    }
}
