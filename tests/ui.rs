//! What cannot work does not compile, and says on the user's token what to write instead.
//!
//! A file for each diagnostic, with what the compiler says beside it. After a change of a message, or with another
//! compiler: `TRYBUILD=overwrite cargo test --test ui`, and read the difference.

use std::io::{self, Write};
use std::process::Command;

/// The compiler whose words are beside the files. Another one has its own words for what the compiler itself finds.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn what_cannot_work_does_not_compile() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("cargo has found rustc").stdout;
    let version = String::from_utf8(version).expect("a version is text");
    if !version.starts_with(COMPILER) {
        // The test runner keeps what `eprintln` says of a test that passes to itself.
        let line = format!("\nSKIPPED: these cases hold for {COMPILER}x, and this is {version}\n");
        io::stderr().write_all(line.as_bytes()).expect("stderr can be written to");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
