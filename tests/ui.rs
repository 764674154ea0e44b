//! Contracts and calls that must not compile, with the compiler's errors.
//!
//! Each file of `tests/ui` is named for its diagnostic, and has the compiler's output beside it. To
//! update the output after a change of a message, or for another compiler, run this command and
//! read the difference:
//!
//! ```text
//! TRYBUILD=overwrite cargo test --test ui
//! ```

use std::io::{self, Write};
use std::process::Command;

/// The compiler that wrote the output in `tests/ui`. Another version words its own errors
/// differently.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn invalid_contracts_and_calls_do_not_compile() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("cargo found rustc").stdout;
    let version = String::from_utf8(version).expect("a version is text");
    if !version.starts_with(COMPILER) {
        // The test runner does not show the `eprintln` output of a test that passes.
        let line = format!("\nSKIPPED: the output in tests/ui is that of {COMPILER}x, but this is {version}\n");
        io::stderr().write_all(line.as_bytes()).expect("stderr is writable");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
