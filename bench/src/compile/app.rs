use std::fs;
use std::path::{Path, PathBuf};

use crate::measuring::{BoxError, target_directory};

/// The example in one of the frameworks: a package of its own in the target directory.
pub(super) struct App {
    pub(super) name: &'static str,
    /// The part of the manifest after `[package]`.
    dependencies: String,
    pub(super) directory: PathBuf,
}

/// The bench's own lock file, so that the apps use the same version of each shared dependency.
const LOCK_FILE: &str = include_str!("../../Cargo.lock");

const README: &str = include_str!("../../../README.md");

const VAULT: &str = include_str!("../../../examples/vault.rs");

/// The lock file selects the versions that the bench measures.
const TARPC: &str = r#"[dependencies]
futures-util = { version = "0.3", default-features = false }
serde = { version = "1", features = ["derive"] }
tarpc = { version = "0.38", features = ["serde-transport", "serde-transport-bincode", "tcp", "tokio1"] }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
"#;

const TONIC: &str = r#"[dependencies]
prost = "0.14"
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }
tonic = "0.14"
tonic-prost = "0.14"

[build-dependencies]
tonic-build = "0.14"
"#;

impl App {
    /// Writes the apps of rpcudp, tarpc and tonic, and the example of links.
    ///
    /// # Errors
    ///
    /// Returns an error if an app cannot be written, or if the README has no example.
    pub(super) fn all() -> Result<[Self; 4], BoxError> {
        let home = target_directory()?.join("bench-compile");
        let main = |source: &str| [("src/main.rs", source.to_owned())];
        let rpcudp = Self::new("rpcudp", rpcudp_dependencies("")?, &home);
        rpcudp.write(&rpcudp.directory, &main(block("rust")?))?;
        let links = Self::new("rpcudp-links", rpcudp_dependencies(", features = [\"secure\"]")?, &home);
        links.write(&links.directory, &main(VAULT))?;
        let tarpc = Self::new("tarpc", TARPC.into(), &home);
        tarpc.write(&tarpc.directory, &main(include_str!("../../examples/greeter_tarpc.rs")))?;
        let tonic = Self::new("tonic", TONIC.into(), &home);
        tonic.write(&tonic.directory, &main(include_str!("../../examples/greeter_tonic/main.rs")))?;
        let build = include_str!("../../examples/greeter_tonic/build.rs").to_owned();
        tonic.write(&tonic.directory, &[("build.rs", build)])?;
        Ok([rpcudp, links, tarpc, tonic])
    }

    fn new(name: &'static str, dependencies: String, home: &Path) -> Self {
        Self { name, dependencies, directory: home.join(name) }
    }

    /// Writes a package with this app's dependencies: its sources, its manifest and its lock file.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written.
    pub(super) fn write(&self, directory: &Path, sources: &[(&str, String)]) -> Result<(), BoxError> {
        fs::create_dir_all(directory.join("src"))?;
        for (path, source) in sources {
            fs::write(directory.join(path), source)?;
        }
        let package = "[package]\nname = \"greeter\"\nversion = \"0.0.0\"\nedition = \"2024\"\n";
        let rest = "[workspace]\n\n[profile.release]\nstrip = true\n";
        fs::write(directory.join("Cargo.toml"), format!("{package}\n{}\n{rest}", self.dependencies))?;
        Ok(fs::write(directory.join("Cargo.lock"), LOCK_FILE)?)
    }
}

/// Returns the dependencies that the README gives, with the path of this repository for rpcudp, and
/// with these keys besides.
fn rpcudp_dependencies(keys: &str) -> Result<String, BoxError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let is_rpcudp = |line: &&str| line.starts_with("rpcudp = ");
    let lines = block("toml")?;
    let version = lines.lines().find(is_rpcudp).ok_or("the README's dependencies have no rpcudp")?;
    Ok(lines.replace(version, &format!("rpcudp = {{ path = {path:?}{keys} }}")))
}

/// Returns the README's first code block in this language.
fn block(language: &str) -> Result<&'static str, BoxError> {
    let (_, rest) = README.split_once(&format!("```{language}\n")).ok_or("the README has no example")?;
    Ok(rest.split_once("```").ok_or("the README's example does not end")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readme_has_an_example() {
        assert!(block("rust").unwrap().contains("async fn main()"));
        let dependencies = rpcudp_dependencies("").unwrap();
        assert!(dependencies.contains("rpcudp = { path = \"/") && dependencies.contains("tokio = "), "{dependencies}");
    }
}
