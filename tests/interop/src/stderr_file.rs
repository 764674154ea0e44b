use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{io, thread};

/// Where a peer's stderr goes: a file, so that nothing has to be read while the test runs and nothing is lost when the
/// peer is killed. Shown when it is dropped by a failing test.
#[derive(Debug)]
pub(crate) struct StderrFile {
    path: PathBuf,
}

impl StderrFile {
    /// How many of the last lines are shown: what a traceback and what led to it take.
    const SHOWN_LINE_COUNT: usize = 100;

    /// A new, empty one in `directory`, and where to write to.
    pub(crate) fn create(directory: &Path) -> io::Result<(Self, File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(directory)?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("stderr-{}-{number}.txt", process::id()));
        let file = File::create(&path)?;
        Ok((Self { path }, file))
    }

    /// What was written so far.
    pub(crate) fn text(&self) -> String {
        let bytes = fs::read(&self.path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for StderrFile {
    fn drop(&mut self) {
        if thread::panicking() {
            let text = self.text();
            let lines: Vec<_> = text.lines().collect();
            let last = &lines[lines.len().saturating_sub(Self::SHOWN_LINE_COUNT)..];
            eprintln!("--- the last of Python's stderr ---\n{}\n--- until here ---", last.join("\n"));
        }
        // Where it cannot be removed it is a file too many in the target directory, and nothing worse.
        drop(fs::remove_file(&self.path));
    }
}
