//! The imports between the files of a crate, with re-exports resolved to the files that define the
//! items.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Import, imports};

/// The files of a crate and their imports.
pub(crate) struct Crate {
    /// The imports of each module, by its path: `endpoint::shared`, or `` for the root.
    modules: BTreeMap<String, (String, Vec<Import>)>,
}

impl Crate {
    /// Reads a crate from its files, by their paths relative to the source folder.
    pub(crate) fn new(sources: BTreeMap<String, String>) -> Self {
        // Binaries beside a library, and files of tests, are not part of the library's modules.
        let is_module =
            |file: &str| !file.starts_with("bin/") && !file.ends_with("tests.rs") && !file.contains("/tests/");
        let modules = sources.into_iter().filter(|(file, _)| is_module(file));
        Self { modules: modules.map(|(file, source)| (module_path(&file), (file, imports(&source)))).collect() }
    }

    /// Returns the groups of files that import each other, directly or through other files of the
    /// group.
    pub(crate) fn cycles(&self) -> Vec<Vec<String>> {
        let edges: BTreeMap<&str, BTreeSet<&str>> = self
            .modules
            .iter()
            .map(|(module, (file, imports))| {
                // A re-export is an alias: who imports it depends on the file that defines the
                // item.
                let targets = imports.iter().filter(|import| !import.is_reexport);
                let targets = targets.filter_map(|import| self.resolve(module, &import.path, 0));
                (file.as_str(), targets.filter(|target| target != file).collect())
            })
            .collect();
        let reachable: BTreeMap<_, _> = edges.keys().map(|file| (*file, reachable(file, &edges))).collect();
        let mut cycles: Vec<Vec<String>> = Vec::new();
        for (file, targets) in &reachable {
            let is_known = cycles.iter().any(|cycle| cycle.iter().any(|member| member == file));
            if targets.contains(file) && !is_known {
                let members = targets.iter().filter(|target| reachable[**target].contains(file));
                cycles.push(members.map(ToString::to_string).collect());
            }
        }
        cycles
    }

    /// Returns the file that defines an imported item; `None` if another crate does.
    fn resolve(&self, importer: &str, path: &[String], depth: usize) -> Option<&str> {
        assert!(depth < 16, "re-exports that lead to themselves: {path:?}");
        let mut module: Vec<&str> = importer.split("::").filter(|part| !part.is_empty()).collect();
        let mut rest = path.iter().map(String::as_str).peekable();
        match *rest.peek()? {
            "crate" => {
                module.clear();
                rest.next();
            }
            "self" => {
                rest.next();
            }
            "super" => {
                while rest.next_if_eq(&"super").is_some() {
                    module.pop();
                }
            }
            // A path that begins with a name is an external crate's, or that of a child module.
            name => {
                let child = join(importer, name);
                self.modules.get(&child)?;
            }
        }
        while let Some(next) = rest.peek() {
            let current = module.join("::");
            let child = join(&current, next);
            if self.modules.contains_key(&child) {
                module.push(next);
                rest.next();
                continue;
            }
            let (_, imports) = self.modules.get(&current)?;
            if let Some(alias) = imports.iter().find(|import| import.is_reexport && import.name == *next) {
                let path: Vec<_> = alias.path.iter().cloned().chain(rest.skip(1).map(String::from)).collect();
                return self.resolve(&current, &path, depth + 1);
            }
            break;
        }
        self.modules.get(&module.join("::")).map(|(file, _)| file.as_str())
    }
}

fn reachable<'a>(from: &str, edges: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<_> = edges.get(from).into_iter().flatten().copied().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(edges.get(file).into_iter().flatten());
        }
    }
    reached
}

fn join(module: &str, child: &str) -> String {
    if module.is_empty() { child.to_owned() } else { format!("{module}::{child}") }
}

fn module_path(file: &str) -> String {
    let path = file.strip_suffix(".rs").expect("a Rust file");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" || path == "main" { String::new() } else { path.replace('/', "::") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        Crate::new(files.iter().map(|(file, source)| ((*file).to_owned(), (*source).to_owned())).collect()).cycles()
    }

    #[test]
    fn a_chain_is_no_cycle() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\npub use b::B;\n"),
            ("a/mod.rs", "mod c;\nuse self::c::C;\nuse std::fmt;\n"),
            ("a/c.rs", "use crate::B;\n"),
            ("b.rs", "use serde::Serialize;\n"),
        ];
        assert!(cycles(&files).is_empty());
    }

    #[test]
    fn a_cycle_through_a_re_export_is_found() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\npub use b::B;\n"),
            ("a.rs", "use crate::B;\n"),
            ("b.rs", "use super::a::A;\n"),
        ];
        assert_eq!(cycles(&files), [["a.rs", "b.rs"]]);
    }

    #[test]
    fn a_child_that_imports_from_its_parent_is_in_a_cycle_if_the_parent_uses_it() {
        let child = ("a/c.rs", "use super::A;\n");
        assert!(cycles(&[("a/mod.rs", "mod c;\npub(crate) use self::c::C;\n"), child]).is_empty());
        assert_eq!(cycles(&[("a/mod.rs", "mod c;\nuse self::c::C;\n"), child]), [["a/c.rs", "a/mod.rs"]]);
    }
}
