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

/// The time of a clean build.
#[derive(Clone, Copy, Debug)]
pub(super) struct Build {
    pub(super) seconds: f64,
    /// The processor time of all compiler processes, which depends less on other processes.
    pub(super) cpu_seconds: f64,
}

impl App {
    /// Downloads the dependencies, so that the timed build does not.
    ///
    /// # Errors
    ///
    /// Returns an error if a dependency cannot be downloaded.
    pub(super) fn fetch(&self) -> Result<(), BoxError> {
        self.cargo(&self.directory, &["fetch"]).map(drop)
    }

    /// Makes a clean release build.
    ///
    /// # Errors
    ///
    /// Returns an error if the app does not compile.
    pub(super) fn build(&self) -> Result<Build, BoxError> {
        match fs::remove_dir_all(self.target()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let (begin, cpu_begin) = (Instant::now(), children_cpu_seconds()?);
        self.cargo(&self.directory, &["build", "--release", "--offline", "--locked"])?;
        Ok(Build { seconds: begin.elapsed().as_secs_f64(), cpu_seconds: children_cpu_seconds()? - cpu_begin })
    }

    /// Returns the number of different crates, the app itself, build dependencies and macros
    /// included.
    ///
    /// # Errors
    ///
    /// Returns an error if `cargo tree` fails.
    pub(super) fn crate_count(&self) -> Result<usize, BoxError> {
        let edges = ["--edges", "normal,build", "--prefix", "none", "--format", "{p}", "--no-dedupe"];
        let tree = self.cargo(&self.directory, &[&["tree", "--offline", "--locked"][..], &edges].concat())?;
        // The first two words are name and version. A path or a mark for macros may follow.
        let crates: BTreeSet<Vec<_>> = tree.lines().map(|line| line.split(' ').take(2).collect()).collect();
        Ok(crates.len())
    }

    /// Returns the size of the stripped program in bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if the app was not built.
    pub(super) fn binary_len(&self) -> Result<u64, BoxError> {
        Ok(fs::metadata(self.target().join("release/greeter"))?.len())
    }

    /// Runs cargo in a package with this app's dependencies, and returns its output.
    ///
    /// # Errors
    ///
    /// Returns the messages of cargo if it fails.
    pub(super) fn cargo(&self, directory: &Path, arguments: &[&str]) -> Result<String, BoxError> {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments).current_dir(directory).env("CARGO_TARGET_DIR", self.target());
        // A compiler cache would be timed instead of the compiler.
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

/// Returns the processor time of all finished child processes.
fn children_cpu_seconds() -> Result<f64, BoxError> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds =
        [usage.user_time(), usage.system_time()].map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6);
    Ok(seconds.iter().sum())
}
