//! The paths that documents mention.

use std::fs;
use std::path::Path;

/// Endings of names that are taken for paths wherever they stand.
const ENDINGS: [&str; 7] = [".rs", ".md", ".lua", ".py", ".toml", ".yml", ".sh"];

/// Paths of other repositories and of users' programs.
const FOREIGN: [&str; 3] = ["src/main.rs", "example/server.py", "example/client.py"];

/// Returns the paths in back-ticks that do not exist, with the documents that mention them.
pub(crate) fn dead_paths(root: &Path) -> Vec<String> {
    let mut documents = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for entry in fs::read_dir(root.join("docs")).into_iter().flatten() {
        let name = entry.expect("an entry of docs/").file_name().into_string().expect("a name in UTF-8");
        if name.ends_with(".md") {
            documents.push(format!("docs/{name}"));
        }
    }
    let mut dead = Vec::new();
    for document in documents {
        let Ok(text) = fs::read_to_string(root.join(&document)) else { continue };
        for path in paths(&text) {
            let first = path.split('/').next().unwrap_or(path);
            // The programs that are built are not in the repository.
            let is_ours =
                first != "target" && (root.join(first).exists() || ENDINGS.iter().any(|end| path.ends_with(end)));
            let beside = root.join(&document).with_file_name(path);
            if is_ours && !FOREIGN.contains(&path) && !root.join(path).exists() && !beside.exists() {
                dead.push(format!("{document}: `{path}`"));
            }
        }
    }
    dead
}

/// Returns the listings in a document that differ from their files. A file may have more above and
/// below.
pub(crate) fn differing_listings(root: &Path, document: &str) -> Vec<String> {
    let text = fs::read_to_string(root.join(document)).expect("the document");
    let mut differing = Vec::new();
    for (path, code) in listings(&text) {
        // In a package of one crate, the other crates are not beside it.
        let Ok(file) = fs::read_to_string(root.join(path)) else { continue };
        if !file.contains(code) {
            differing.push(path.to_owned());
        }
    }
    differing
}

/// Returns the blocks of code below a line with a path and a colon.
pub(crate) fn listings(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for (at, mark) in text.match_indices("`:\n\n```") {
        let path = text[..at].rsplit('`').next().unwrap_or_default();
        let block = text[at + mark.len()..].split_once('\n').map_or("", |(_, block)| block);
        let code = block.split("```").next().unwrap_or_default();
        found.push((path, code));
    }
    found
}

/// Returns the words in back-ticks, outside code blocks, that look like a path.
fn paths(text: &str) -> Vec<&str> {
    let mut is_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            found.extend(line.split('`').skip(1).step_by(2).filter(|word| is_path(word)));
        }
    }
    found
}

fn is_path(word: &str) -> bool {
    let is_plain = word.chars().all(|character| character.is_ascii_alphanumeric() || "_-./".contains(character));
    is_plain && !word.starts_with(['/', '.']) && (word.contains('/') || ENDINGS.iter().any(|end| word.ends_with(end)))
}

#[test]
fn paths_are_told_from_other_words() {
    let text = "`src/lib.rs`, `src/calls/`, `Endpoint::bind`, `README.md`, `a b/c`, `/64`\n```\n`no/code.rs`\n```\n";
    assert_eq!(paths(text), ["src/lib.rs", "src/calls/", "README.md"]);
}

#[test]
fn listings_are_found_with_their_paths() {
    let text = "The `word`.\n\n`a/b.rs`:\n\n```rs\ncode\nmore\n```\n\n```rust\nother\n```\n";
    assert_eq!(listings(text), [("a/b.rs", "code\nmore\n")]);
}
