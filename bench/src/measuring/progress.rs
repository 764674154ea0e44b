use indicatif::{ProgressBar, ProgressStyle};

/// The progress of a run, on standard error: a line for each finished part, and a bar on a
/// terminal.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(part_count: usize) -> Self {
        let bar = ProgressBar::new(part_count as u64);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {elapsed} so far, {eta} to go  {msg}");
        bar.set_style(style.expect("the template is well-formed"));
        Self(bar)
    }

    /// Shows the part that begins.
    pub(crate) fn begin(&self, part: &str) {
        // Drawn once per part: a thread that redraws would disturb the measurement.
        self.0.set_message(part.to_owned());
        self.0.tick();
    }

    /// Prints the line of a finished part.
    pub(crate) fn end(&self, line: &str) {
        if self.0.is_hidden() {
            eprintln!("{line}");
        } else {
            self.0.println(line);
        }
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
