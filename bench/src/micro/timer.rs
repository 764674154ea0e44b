use std::time::{Duration, Instant};

use crate::measuring::{Progress, spread};

/// Times operations that are too short to be timed one by one.
#[derive(Debug)]
pub(super) struct Timer {
    runs: u32,
    progress: Progress,
    results: Vec<(String, Vec<f64>)>,
}

impl Timer {
    /// The minimum duration of a run: long enough to hide the cost of reading the clock, and short
    /// enough that most runs are not interrupted.
    const RUN: Duration = Duration::from_millis(5);

    pub(super) fn new(runs: u32, operation_count: usize) -> Self {
        Self { runs, progress: Progress::new(operation_count), results: Vec::new() }
    }

    /// Times an operation, in runs of many repetitions. The operation must pass its result through
    /// [`black_box`](std::hint::black_box).
    pub(super) fn time(&mut self, name: &str, mut operation: impl FnMut()) {
        self.progress.begin(name);
        let mut repeat = |count: u64| {
            let begin = Instant::now();
            (0..count).for_each(|_| operation());
            begin.elapsed()
        };
        // Finding the number of repetitions is the warm-up as well.
        let mut count = 1;
        while repeat(count) < Self::RUN {
            count *= 2;
        }
        let nanos: Vec<_> = (0..self.runs).map(|_| repeat(count).as_nanos() as f64 / count as f64).collect();
        self.progress.end(&format!("{name}: {} ns", spread(nanos.iter().copied(), 1)));
        self.results.push((name.into(), nanos));
    }

    /// Records an operation that `measure` times itself, in nanoseconds.
    pub(super) fn record(&mut self, name: &str, mut measure: impl FnMut() -> f64) {
        self.progress.begin(name);
        measure();
        let nanos: Vec<_> = (0..self.runs).map(|_| measure()).collect();
        self.progress.end(&format!("{name}: {} ns", spread(nanos.iter().copied(), 1)));
        self.results.push((name.into(), nanos));
    }

    /// Returns each operation's name with its time in each run, in nanoseconds.
    pub(super) fn into_results(self) -> Vec<(String, Vec<f64>)> {
        self.results
    }
}
