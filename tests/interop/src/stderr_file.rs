use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{io, thread};

/// The file that receives a peer's stderr. A pipe would have to be read during the test, and would
/// lose data when the peer is killed. A failing test prints the file when it drops this.
#[derive(Debug)]
pub(crate) struct StderrFile {
    path: PathBuf,
}

impl StderrFile {
    /// The number of the last lines that are printed: enough for a traceback and its context.
    const SHOWN_LINE_COUNT: usize = 100;

    /// Creates an empty file in `directory`. Returns it with the handle to write to.
    pub(crate) fn create(directory: &Path) -> io::Result<(Self, File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(directory)?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("stderr-{}-{number}.txt", process::id()));
        let file = File::create(&path)?;
        Ok((Self { path }, file))
    }

    /// Returns the content so far.
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
            eprintln!("--- last lines of Python's stderr ---\n{}\n---", last.join("\n"));
        }
        // A file that cannot be removed stays in the target directory, which is harmless.
        drop(fs::remove_file(&self.path));
    }
}
