use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::BoxError;

/// The commit, machine and compiler of a run. Figures mean nothing without them.
#[derive(Debug)]
pub(crate) struct Machine {
    commit: String,
    date: String,
    processor: String,
    kernel: String,
    load: String,
}

impl Machine {
    /// Describes this machine at this moment.
    pub(crate) fn this() -> Self {
        let git = |arguments: &[&str]| {
            let source = env!("CARGO_MANIFEST_DIR");
            output_of(Command::new("git").args(["-C", source]).args(arguments))
        };
        let commit = git(&["rev-parse", "--short", "HEAD"]);
        let changed = git(&["status", "--porcelain", ".."]).is_some_and(|changes| !changes.is_empty());
        let info = read("/proc/cpuinfo");
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let count = info.lines().filter(|line| line.starts_with("processor")).count();
        Self {
            commit: commit.unwrap_or_else(unknown) + if changed { " with changes" } else { "" },
            date: output_of(Command::new("date").args(["-u", "+%F"])).unwrap_or_else(unknown),
            processor: format!("{count} of {}", model.map_or("unknown make", |(_, name)| name)),
            kernel: read("/proc/sys/kernel/osrelease").trim().into(),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().into(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commit, date, processor, kernel, load } = self;
        let rustc = env!("BENCH_RUSTC");
        write!(f, "rpcudp at {commit}, {date}; processors: {processor}; Linux {kernel}; {rustc}; load before {load}.")
    }
}

/// Returns cargo's target directory, where the bench keeps the files that it creates.
///
/// # Errors
///
/// Returns an error if the program was moved out of the target directory.
pub(crate) fn target_directory() -> Result<PathBuf, BoxError> {
    let program = env::current_exe()?;
    // target/release/rpcudp-bench
    let target = program.ancestors().nth(2).filter(|target| target.join("CACHEDIR.TAG").exists());
    target.map(Path::to_owned).ok_or_else(|| {
        format!("{} is not in a target directory of cargo: run the bench with `cargo run`", program.display()).into()
    })
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Returns the output of a command, or `None` if it cannot be run or fails.
fn output_of(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns the placeholder for a field of the report that the machine cannot supply.
fn unknown() -> String {
    "unknown".into()
}
