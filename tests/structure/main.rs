//! The structure of the repository: no import cycle between the files of a crate, and no path in
//! the documents that leads nowhere.

mod documents;
mod imports;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use self::imports::Crate;

/// The crates that are checked, by their source folders.
const CRATES: [&str; 9] = [
    "src",
    "rpcudp-core/src",
    "rpcudp-discovery/src",
    "rpcudp-macros/src",
    "rpcudp-transport/src",
    "cli/src",
    "examples/kademlia/src",
    "tests/interop/src",
    "tests/wireshark/src",
];

/// The cycles that may stay: pairs of files, relative to their source folder, with the reason.
const ALLOWED: [(&str, [&str; 2], &str); 2] = [
    (
        "rpcudp-core/src",
        ["codec/access.rs", "codec/decoder.rs"],
        "serde's Deserializer gives out accesses, and each access deserializes its elements with a Deserializer",
    ),
    (
        "rpcudp-core/src",
        ["codec/container.rs", "codec/encode.rs"],
        "serde's Serializer gives out SerializeSeq and the like, and each of these serializes elements with a Serializer",
    ),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Reads the Rust files below a folder, by their paths relative to it.
fn read_sources(folder: &Path) -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display())) {
            let path = entry.expect("an entry of a folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(folder).expect("a path below the folder");
                let name = name.to_str().expect("a path in UTF-8").replace('\\', "/");
                sources.insert(name, std::fs::read_to_string(&path).expect("a source file in UTF-8"));
            }
        }
    }
    sources
}

#[test]
fn no_crate_has_an_import_cycle() {
    let mut found = Vec::new();
    for folder in CRATES {
        let path = root().join(folder);
        // In a package of one crate, the other crates are not beside it.
        if !path.exists() {
            continue;
        }
        let cycles = Crate::new(read_sources(&path)).cycles();
        let is_allowed = |cycle: &Vec<String>| {
            ALLOWED.iter().any(|(allowed_in, pair, _)| *allowed_in == folder && cycle.iter().eq(pair.iter()))
        };
        found.extend(cycles.into_iter().filter(|cycle| !is_allowed(cycle)).map(|cycle| (folder, cycle)));
    }
    assert!(found.is_empty(), "files that import each other: {found:#?}");
}

#[test]
fn an_import_cycle_is_found() {
    let mut sources = read_sources(&root().join("src"));
    assert!(Crate::new(sources.clone()).cycles().is_empty());
    sources.get_mut("clock.rs").expect("src/clock.rs").push_str("\nuse crate::endpoint::shared::Shared;\n");
    let cycles = Crate::new(sources).cycles();
    assert_eq!(cycles.len(), 1);
    assert!(["clock.rs", "endpoint/shared.rs"].iter().all(|file| cycles[0].iter().any(|member| member == file)));
}

#[test]
fn the_top_of_the_source_folder_stays_small() {
    let files: Vec<_> = read_sources(&root().join("src")).into_keys().filter(|name| !name.contains('/')).collect();
    assert!(files.len() <= 8, "src/ has more than eight files at the top: {files:?}");
}

#[test]
fn every_path_in_the_documents_exists() {
    let dead = documents::dead_paths(&root());
    assert!(dead.is_empty(), "paths in documents that do not exist: {dead:#?}");
}

#[test]
fn cookbook_shows_the_code_of_the_examples() {
    let cookbook = "docs/cookbook.md";
    let text = std::fs::read_to_string(root().join(cookbook)).expect("the cookbook");
    let shown = documents::listings(&text).len();
    assert_eq!(shown, 7, "{cookbook} shows another number of files");
    let differing = documents::differing_listings(&root(), cookbook);
    assert!(differing.is_empty(), "{cookbook} differs from {differing:#?}");
}
