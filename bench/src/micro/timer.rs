use std::time::{Duration, Instant};

use crate::measuring::{Progress, spread};

/// Times operations that are too short for a clock.
#[derive(Debug)]
pub(super) struct Timer {
    runs: u32,
    progress: Progress,
    results: Vec<(String, Vec<f64>)>,
}

impl Timer {
    /// How long a run takes at least: enough that reading the clock does not show, and short enough that most runs are
    /// not interrupted.
    const RUN: Duration = Duration::from_millis(5);

    pub(super) fn new(runs: u32, operation_count: usize) -> Self {
        Self { runs, progress: Progress::new(operation_count), results: Vec::new() }
    }

    /// Repeats an operation in runs. What it computes has to go through [`black_box`](std::hint::black_box).
    pub(super) fn time(&mut self, name: &str, mut operation: impl FnMut()) {
        self.progress.begin(name);
        let mut repeat = |count: u64| {
            let begin = Instant::now();
            (0..count).for_each(|_| operation());
            begin.elapsed()
        };
        // Finding out how many fit is the warm-up as well.
        let mut count = 1;
        while repeat(count) < Self::RUN {
            count *= 2;
        }
        let nanos: Vec<_> = (0..self.runs).map(|_| repeat(count).as_nanos() as f64 / count as f64).collect();
        self.progress.end(&format!("{name}: {} ns", spread(nanos.iter().copied(), 1)));
        self.results.push((name.into(), nanos));
    }

    /// Each operation's name and how many nanoseconds it took in each run.
    pub(super) fn into_results(self) -> Vec<(String, Vec<f64>)> {
        self.results
    }
}
