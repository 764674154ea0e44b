use std::fmt::Display;

use super::{BoxError, Measured, Probe, Progress, Sample, Timing};

/// Measures every cell once in each round, with a probe before and after each.
///
/// The cells of a group are compared with each other, so they follow each other, and the first one
/// changes from round to round: a machine that slows down or speeds up favours no cell. A cell that
/// cannot be measured counts as one failure.
pub(crate) fn measure_in_rounds<K: Copy + Display>(
    timing: &Timing,
    groups: &[Vec<K>],
    mut measure: impl FnMut(K) -> Result<Measured, BoxError>,
) -> Vec<Sample<K>> {
    let rounds = timing.rounds();
    let progress = Progress::new(rounds * groups.iter().map(Vec::len).sum::<usize>());
    let mut samples = Vec::new();
    let mut before = Probe::now();
    for round in 1..=rounds {
        for group in groups {
            let first = (round - 1) % group.len().max(1);
            for &key in group[first..].iter().chain(&group[..first]) {
                progress.begin(&format!("round {round}/{rounds}  {key}"));
                let measured = measure(key).unwrap_or_else(Measured::failed);
                let after = Probe::now();
                let sample = Sample::new(key, round, measured, [before, after], timing);
                progress.end(&format!("round {round}/{rounds}  {key}  {}", sample.line()));
                samples.push(sample);
                before = after;
            }
        }
    }
    samples
}
