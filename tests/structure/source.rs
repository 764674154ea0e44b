//! Reads the paths that a Rust file imports, without a parser: the code is formatted by rustfmt.

/// An imported path, in segments, from `crate`, `self`, `super` or an external crate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// The name under which the file has the item.
    pub(crate) name: String,
    /// Whether the file re-exports it (`pub use`, `pub(crate) use`).
    pub(crate) is_reexport: bool,
}

/// Returns the imports of a file: its `use` items, and the paths that begin with `crate::` in its
/// code. Leaves out the code of tests.
pub(crate) fn imports(source: &str) -> Vec<Import> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().expect("a split has a first part");
    let code = without_comments_and_strings(source);
    let mut imports = Vec::new();
    let mut rest = code.as_str();
    while let Some(at) = find_word(rest, "use") {
        let before = rest[..at].trim_end();
        let is_reexport = before.ends_with("pub") || (before.ends_with(')') && before.contains("pub("));
        let is_item = is_reexport || before.is_empty() || before.ends_with([';', '}', '{', ']']);
        let end = rest[at..].find(';').map_or(rest.len(), |len| at + len);
        if is_item {
            let tree: String = rest[at + "use".len()..end].split_whitespace().collect::<Vec<_>>().join(" ");
            flatten(&tree, &[], is_reexport, &mut imports);
        }
        rest = &rest[if is_item { end } else { at + "use".len() }..];
    }
    imports.extend(inline_paths(&code));
    imports
}

/// Expands a tree such as `crate::a::{B, c::D as E}` into its paths.
fn flatten(tree: &str, prefix: &[String], is_reexport: bool, imports: &mut Vec<Import>) {
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        let mut prefix = prefix.to_vec();
        prefix.extend(tree[..open].split("::").map(str::trim).filter(|part| !part.is_empty()).map(String::from));
        let inner = tree[open + 1..].trim_end().strip_suffix('}').expect("a tree that is closed");
        split_list(inner).into_iter().for_each(|part| flatten(part, &prefix, is_reexport, imports));
    } else if !tree.is_empty() {
        let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
        let mut path: Vec<_> = prefix.iter().cloned().chain(path.split("::").map(|part| part.trim().into())).collect();
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let Some(last) = path.last() else { return };
        let name = alias.unwrap_or(last).to_owned();
        imports.push(Import { path, name, is_reexport });
    }
}

/// Splits at the commas outside braces.
fn split_list(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[begin..]);
    parts
}

fn inline_paths(code: &str) -> Vec<Import> {
    let is_path = |character: char| character.is_alphanumeric() || character == '_' || character == ':';
    let mut found = Vec::new();
    for (at, start) in code.match_indices("crate::") {
        // A visibility such as `pub(in crate::udp)` imports nothing.
        let before = &code[..at];
        if before.ends_with("(in ") || before.ends_with(|character: char| is_path(character) || character == '$') {
            continue;
        }
        let path = code[at..].split(|character| !is_path(character)).next().unwrap_or(start);
        let path: Vec<String> = path.split("::").filter(|part| !part.is_empty()).map(String::from).collect();
        let name = path.last().expect("it begins with `crate`").clone();
        found.push(Import { path, name, is_reexport: false });
    }
    found
}

fn find_word(text: &str, word: &str) -> Option<usize> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let is_alone = |at: &usize| {
        !text[..*at].ends_with(is_part) && !text[at + word.len()..].starts_with(|next| is_part(next) || next == '<')
    };
    text.match_indices(word).map(|(at, _)| at).find(is_alone)
}

fn without_comments_and_strings(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    for line in source.lines() {
        let mut in_string = false;
        let mut characters = line.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' if in_string => {
                    characters.next();
                }
                // The character literal of a quote is no string.
                '"' if !line[..at].ends_with('\'') => in_string = !in_string,
                '/' if !in_string && line[at..].starts_with("//") => break,
                _ if in_string => {}
                _ => code.push(character),
            }
        }
        code.push('\n');
    }
    code
}

#[test]
fn imports_are_read() {
    let source = r#"
//! use crate::comment::Item;
use std::fmt;
pub(crate) use self::a::{B, c::{D as E, self}};
use crate::x::Y; // use crate::z::Z;

fn f() {
    let text = "use crate::string::Item;";
    crate::inline::path(text);
}

#[cfg(test)]
mod tests {
    use crate::test::Item;
}
"#;
    let found: Vec<_> = imports(source).into_iter().map(|import| (import.path.join("::"), import.name)).collect();
    let expected = [
        ("std::fmt", "fmt"),
        ("self::a::B", "B"),
        ("self::a::c::D", "E"),
        ("self::a::c", "c"),
        ("crate::x::Y", "Y"),
        ("crate::x::Y", "Y"),
        ("crate::inline::path", "path"),
    ];
    assert_eq!(found, expected.map(|(path, name)| (path.to_owned(), name.to_owned())));
    assert_eq!(imports(source).iter().filter(|import| import.is_reexport).count(), 3);
}
