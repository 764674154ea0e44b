use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

use super::app::App;
use crate::measuring::BoxError;

/// What it took to build from nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Build {
    pub(super) seconds: f64,
    /// Of all compilers together: what others on the machine do shows less in it.
    pub(super) cpu_seconds: f64,
}

impl App {
    /// Downloads what it needs, so that this is no part of what is timed.
    ///
    /// # Errors
    ///
    /// Where that is not to be had.
    pub(super) fn fetch(&self) -> Result<(), BoxError> {
        self.cargo(&self.directory, &["fetch"]).map(drop)
    }

    /// Builds it from nothing, for release.
    ///
    /// # Errors
    ///
    /// Where it does not compile.
    pub(super) fn build(&self) -> Result<Build, BoxError> {
        match fs::remove_dir_all(self.target()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let (begin, cpu_begin) = (Instant::now(), children_cpu_seconds()?);
        self.cargo(&self.directory, &["build", "--release", "--offline", "--locked"])?;
        Ok(Build { seconds: begin.elapsed().as_secs_f64(), cpu_seconds: children_cpu_seconds()? - cpu_begin })
    }

    /// How many different crates it consists of, itself and what only the compiler runs included.
    ///
    /// # Errors
    ///
    /// Where cargo does not say.
    pub(super) fn crate_count(&self) -> Result<usize, BoxError> {
        let edges = ["--edges", "normal,build", "--prefix", "none", "--format", "{p}", "--no-dedupe"];
        let tree = self.cargo(&self.directory, &[&["tree", "--offline", "--locked"][..], &edges].concat())?;
        // Name and version; what may follow is a path or that it is a macro.
        let crates: BTreeSet<Vec<_>> = tree.lines().map(|line| line.split(' ').take(2).collect()).collect();
        Ok(crates.len())
    }

    /// How large the program is, without symbols.
    ///
    /// # Errors
    ///
    /// Where it was not built.
    pub(super) fn binary_len(&self) -> Result<u64, BoxError> {
        Ok(fs::metadata(self.target().join("release/greeter"))?.len())
    }

    /// Runs cargo in a package with this app's dependencies, and gives what it printed.
    ///
    /// # Errors
    ///
    /// What cargo complains of.
    pub(super) fn cargo(&self, directory: &Path, arguments: &[&str]) -> Result<String, BoxError> {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments).current_dir(directory).env("CARGO_TARGET_DIR", self.target());
        // A cache of what others have compiled would be timed instead of the compiler.
        command.env("RUSTC_WRAPPER", "").env("RUSTC_BOOTSTRAP", "greeter");
        let output = command.output()?;
        if !output.status.success() {
            return Err(format!("{}: {}", self.name, String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    fn target(&self) -> PathBuf {
        self.directory.join("target")
    }
}

/// What all processes used that this one has started and that have ended.
fn children_cpu_seconds() -> Result<f64, BoxError> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds =
        [usage.user_time(), usage.system_time()].map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6);
    Ok(seconds.iter().sum())
}
