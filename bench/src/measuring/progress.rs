use indicatif::{ProgressBar, ProgressStyle};

/// How far a run is, on standard error: a bar on a terminal, and in any case a line for each part that is done.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(part_count: usize) -> Self {
        let bar = ProgressBar::new(part_count as u64);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {elapsed} so far, {eta} to go  {msg}");
        bar.set_style(style.expect("the template is well-formed"));
        Self(bar)
    }

    /// A part has begun.
    pub(crate) fn begin(&self, part: &str) {
        // Drawn once and not from then on: a thread that draws would run while others are measured.
        self.0.set_message(part.to_owned());
        self.0.tick();
    }

    /// A part is done.
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
