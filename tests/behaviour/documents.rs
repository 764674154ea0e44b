//! What README.md says is so.

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_has_the_test_that_runs_here() {
    let pasted = include_str!("readme.rs");
    let (_, test) = pasted.split_once("\n\n").expect("a line about itself comes first");
    assert!(
        README.contains(&format!("```rust\n{test}```\n")),
        "README.md does not contain tests/behaviour/readme.rs as it is"
    );
}

/// It is the front page of docs.rs and crates.io too, where files of the repository are not beside it.
#[test]
fn the_readme_links_to_nothing_beside_it() {
    let targets = README.match_indices("](").map(|(at, mark)| README[at + mark.len()..].split(')').next().unwrap());
    let beside: Vec<_> = targets.filter(|target| !target.starts_with("https://")).collect();
    assert_eq!(beside, [""; 0]);
}
