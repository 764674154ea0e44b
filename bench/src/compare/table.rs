use std::fmt::Write;

use super::comparison::{Comparison, Key};
use crate::contenders::Contender;
use crate::measuring::{Placement, Sample, micros, ratios_within_rounds, spread};

/// The columns of each cell, with their formatting.
const COLUMNS: [Column; 5] = [
    Column { title: "calls/s", decimals: 0, value: |sample| sample.calls_per_second },
    Column { title: "p50 us", decimals: 1, value: |sample| sample.quantile(0.5) },
    Column { title: "p99 us", decimals: 1, value: |sample| sample.quantile(0.99) },
    Column { title: "p99.9 us", decimals: 1, value: |sample| sample.quantile(0.999) },
    Column { title: "CPU us/call", decimals: 2, value: |sample| micros(sample.cpu_per_call) },
];

/// The ratios of rpcudp to each contender within a round, for the columns that have goals.
const RATIOS: [Column; 3] = [
    Column { title: "calls/s, rpcudp / contender", decimals: 2, ..COLUMNS[0] },
    Column { title: "p50, rpcudp / contender", decimals: 2, ..COLUMNS[1] },
    Column { title: "p99, rpcudp / contender", decimals: 2, ..COLUMNS[2] },
];

#[derive(Clone, Copy, Debug)]
struct Column {
    title: &'static str,
    decimals: usize,
    value: fn(&Sample<Key>) -> f64,
}

/// Renders a Markdown table for each placement of the cores, with medians and, in parentheses,
/// ranges.
pub(super) fn render(comparison: &Comparison) -> String {
    let mut text = format!("{}\n", comparison.machine);
    for placement in Placement::SETTLED {
        let samples = || comparison.samples.iter().filter(|sample| sample.placement == placement && sample.counts());
        if samples().next().is_none() {
            continue;
        }
        let between = spread(samples().map(Sample::between_cores), 0);
        writeln!(text, "\nCores {placement}: {between} ns round trip.\n").expect("a write to a string succeeds");
        text += &cells(comparison, placement);
    }
    text += &remarks(comparison);
    text
}

fn cells(comparison: &Comparison, placement: Placement) -> String {
    let titles = COLUMNS.iter().chain(&RATIOS).map(|column| column.title).collect::<Vec<_>>().join(" | ");
    let mut text = format!("| bytes | in flight | | {titles} | samples |\n");
    text += &format!("|{}\n", " --- |".repeat(COLUMNS.len() + RATIOS.len() + 4));
    for group in &comparison.groups {
        for &key in group {
            let of = |key| samples_of(comparison, placement, key);
            let count = of(key).count();
            if count == 0 {
                continue;
            }
            let shown = COLUMNS.map(|Column { decimals, value, .. }| spread(of(key).map(value), decimals)).join(" | ");
            let ours = Key { contender: Contender::Rpcudp, ..key };
            let compared = RATIOS.map(|Column { decimals, value, .. }| match key.contender {
                Contender::Rpcudp => String::new(),
                _ => spread(ratios_within_rounds(|| of(ours), || of(key), value), decimals),
            });
            let Key { size, in_flight, contender } = key;
            text += &format!("| {size} | {in_flight} | {contender} | {shown} | {} | {count} |\n", compared.join(" | "));
        }
    }
    text
}

/// Renders the number of samples that count, the failures, and the reasons for skipping.
fn remarks(comparison: &Comparison) -> String {
    let measured = comparison.samples.len();
    let counted = comparison.samples.iter().filter(|sample| sample.counts()).count();
    let mut text = format!(
        "\n{counted} of {measured} samples count; in the others the cores moved, or other processes used them. Failed \
         calls, in all samples: {}.\n",
        comparison.failure_count(),
    );
    for &key in comparison.groups.iter().flatten() {
        let failed: u64 = comparison.all_of(key).map(|sample| sample.failures.count).sum();
        if failed > 0 {
            let first = comparison.all_of(key).find_map(|sample| sample.failures.first.as_ref());
            let first = first.map(ToString::to_string).unwrap_or_default();
            text += &format!("FAILED: {failed} calls of {key}; the first: {first}\n");
        }
    }
    for skipped in &comparison.skipped {
        text += &format!("SKIPPED: {skipped}\n");
    }
    text
}

fn samples_of(comparison: &Comparison, placement: Placement, key: Key) -> impl Iterator<Item = &Sample<Key>> {
    comparison.all_of(key).filter(move |sample| sample.placement == placement && sample.counts())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measuring::{Latencies, Machine, Measured, Probe, Timing};

    /// Creates a sample with this round trip between the cores. `others` is the share of one core
    /// that other processes used.
    fn sample(key: Key, round: usize, speed: f64, nanos: u64, others: f64) -> Sample<Key> {
        let mut latencies = Latencies::default();
        latencies.record(1_000, 1);
        let measured = Measured { calls_per_second: speed, others, latencies, ..Measured::default() };
        let pace = Duration::from_micros(20);
        Sample::new(
            key,
            round,
            measured,
            [Probe { round_trip: Duration::from_nanos(nanos), pace }; 2],
            &Timing::default(),
        )
    }

    fn comparison(samples: Vec<Sample<Key>>) -> Comparison {
        let mut groups = vec![Vec::new()];
        for sample in &samples {
            if !groups[0].contains(&sample.key) {
                groups[0].push(sample.key);
            }
        }
        Comparison { machine: Machine::this(), groups, samples, skipped: vec!["python: not today".into()] }
    }

    const OURS: Key = Key { size: 32, in_flight: 64, contender: Contender::Rpcudp };
    const THEIRS: Key = Key { contender: Contender::Tarpc, ..OURS };

    #[test]
    fn ratios_are_within_one_round_and_one_placement() {
        let samples = vec![
            sample(OURS, 1, 300.0, 50, 0.0),
            sample(THEIRS, 1, 100.0, 50, 0.0),
            sample(OURS, 2, 800.0, 350, 0.0),
            sample(THEIRS, 2, 400.0, 350, 0.0),
            // The first does not count because it was disturbed, and so the second has no ratio.
            sample(OURS, 3, 9_000.0, 50, 0.5),
            sample(THEIRS, 3, 200.0, 50, 0.0),
        ];
        let text = render(&comparison(samples));
        let row = |begin: &str| text.lines().filter(|line| line.starts_with(begin)).collect::<Vec<_>>();
        let theirs = row("| 32 | 64 | tarpc |");
        assert_eq!(theirs.len(), 2, "{text}");
        assert!(theirs[0].contains("| 150 (100-200) |") && theirs[0].contains("| 3.00 (3.00-3.00) |"), "{text}");
        assert!(theirs[1].contains("| 400 (400-400) |") && theirs[1].contains("| 2.00 (2.00-2.00) |"), "{text}");
        assert!(text.contains("5 of 6 samples count") && text.contains("SKIPPED: python: not today"), "{text}");
    }

    #[test]
    fn failures_are_reported_even_if_their_sample_does_not_count() {
        let mut failed = sample(THEIRS, 1, 100.0, 50, 0.5);
        failed.measured.failures.add("a call has not ended");
        let comparison = comparison(vec![sample(OURS, 1, 300.0, 50, 0.0), failed]);
        assert_eq!(comparison.failure_count(), 1);
        let text = render(&comparison);
        assert!(text.contains("FAILED: 1 calls") && text.contains("a call has not ended"), "{text}");
    }
}
