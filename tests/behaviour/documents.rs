//! README.md agrees with the tests, and links to no file.

const README: &str = include_str!("../../README.md");

/// The tests that README.md shows, by their files here.
const SHOWN: [(&str, &str); 2] =
    [("readme.rs", include_str!("readme.rs")), ("readme_unit_tests.rs", include_str!("readme_unit_tests.rs"))];

#[test]
fn readme_contains_the_tests_that_run_here() {
    for (name, file) in SHOWN {
        let (_, test) = file.split_once("\n\n").expect("a doc line comes first");
        assert!(
            README.contains(&format!("```rust\n{test}```\n")),
            "README.md does not contain tests/behaviour/{name} without its first line"
        );
    }
}

/// docs.rs and crates.io show the README too, without the files of the repository.
#[test]
fn readme_links_to_no_file_of_the_repository() {
    let targets = README.match_indices("](").map(|(at, mark)| README[at + mark.len()..].split(')').next().unwrap());
    let files: Vec<_> = targets.filter(|target| !target.starts_with("https://")).collect();
    assert_eq!(files, [""; 0]);
}
