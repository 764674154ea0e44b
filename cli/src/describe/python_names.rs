//! Names and texts in the syntax of Python.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Names that a class, an argument or a type may not have: keywords, names that the module uses,
/// and the attributes of its classes.
const RESERVED: &[&str] = &[
    "Any",
    "Ext",
    "False",
    "None",
    "RPCProtocol",
    "Timeout",
    "True",
    "TypeAlias",
    "address",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "bool",
    "break",
    "bytes",
    "class",
    "continue",
    "datetime",
    "def",
    "del",
    "dict",
    "elif",
    "else",
    "except",
    "finally",
    "float",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "int",
    "is",
    "lambda",
    "list",
    "nonlocal",
    "not",
    "or",
    "pass",
    "protocol",
    "raise",
    "return",
    "rpc",
    "self",
    "setattr",
    "str",
    "super",
    "suppress",
    "timeout",
    "try",
    "tuple",
    "value",
    "while",
    "with",
    "yield",
];

/// Returns a text as a literal of Python.
pub(super) fn literal(text: &str) -> String {
    let mut literal = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => literal.extend(['\\', character]),
            ' '..='~' => literal.push(character),
            _ => drop(write!(literal, "\\U{:08x}", u32::from(character))),
        }
    }
    literal + "\""
}

/// Returns an identifier of Python for a name of Rust.
pub(super) fn identifier(name: &str) -> String {
    let name = name.strip_prefix("r#").unwrap_or(name);
    // Not all letters of Rust are letters of Python.
    let mut identifier: String = name.chars().map(|part| if is_part(part) { part } else { '_' }).collect();
    if identifier.starts_with(|first: char| first.is_ascii_digit()) || identifier.is_empty() {
        identifier.insert(0, '_');
    }
    if RESERVED.contains(&&*identifier) {
        identifier.push('_');
    }
    identifier
}

pub(super) fn is_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Returns the name, with as many `_` at its end as make it another one than the names before.
pub(super) fn unique(mut name: String, names: &mut BTreeSet<String>) -> String {
    while !names.insert(name.clone()) {
        name.push('_');
    }
    name
}
