use std::borrow::Cow;

use super::Method;

/// The keywords of Rust, of which an identifier needs a leading `r#`.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// The keywords that `r#` does not make an identifier.
const PATH_KEYWORDS: &[&str] = &["_", "crate", "self", "Self", "super"];

impl Method {
    /// Creates an async method with this wire name, without arguments, that returns any
    /// [`Value`](crate::value::Value). For programs that learn their methods at run time: add the
    /// rest with struct update syntax.
    ///
    /// [`name`](Self::name) is the wire name as an identifier of Rust, with `_` for other
    /// characters.
    ///
    /// ```
    /// use rpcudp_core::contract::{Delivery, Method};
    ///
    /// let method = Method { delivery: Delivery::AtMostOnce, ..Method::named("disk.format") };
    /// assert_eq!((&*method.name, &*method.wire_name), ("disk_format", "disk.format"));
    /// ```
    #[must_use]
    pub fn named(wire_name: impl Into<Cow<'static, str>>) -> Self {
        let wire_name = wire_name.into();
        let name = identifier(&wire_name).map_or_else(|| wire_name.clone(), Cow::Owned);
        Self { name, wire_name, returns: Cow::Borrowed("Value"), is_async: true, ..Self::EMPTY }
    }
}

/// Returns an identifier made of a wire name, or `None` if it is one.
pub(super) fn identifier(wire_name: &str) -> Option<String> {
    if KEYWORDS.contains(&wire_name) {
        return Some(format!("r#{wire_name}"));
    }
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let starts = wire_name.starts_with(|first: char| is_part(first) && !first.is_ascii_digit());
    let is_path = PATH_KEYWORDS.contains(&wire_name);
    if starts && !is_path && wire_name.chars().all(is_part) {
        return None;
    }
    let mut name: String = wire_name.chars().map(|part| if is_part(part) { part } else { '_' }).collect();
    if !starts {
        name.insert(0, '_');
    }
    if is_path || name == "_" {
        name.push('_');
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::super::validation::is_identifier;
    use super::*;

    #[test]
    fn wire_names_become_identifiers() {
        for (wire_name, name) in [
            ("add", "add"),
            ("disk.format", "disk_format"),
            ("2nd", "_2nd"),
            ("type", "r#type"),
            ("self", "self_"),
            ("_", "__"),
            ("", "__"),
            ("grüße", "gr__e"),
        ] {
            let method = Method::named(wire_name);
            assert_eq!((&*method.name, &*method.wire_name), (name, wire_name));
            assert!(is_identifier(&method.name), "{name}");
        }
    }
}
