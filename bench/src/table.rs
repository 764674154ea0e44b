use std::fmt::Write;
use std::time::Duration;

use crate::cell::{Contestant, Sample};
use crate::statistics::Spread;

/// What is shown of each cell, how, and with how many decimals.
const COLUMNS: [Column; 7] = [
    Column { title: "calls/s", decimals: 0, value: |sample| sample.calls_per_second },
    Column { title: "p50 us", decimals: 1, value: |sample| micros(sample.latencies.quantile(0.5)) },
    Column { title: "p99 us", decimals: 1, value: |sample| micros(sample.latencies.quantile(0.99)) },
    Column { title: "p99.9 us", decimals: 1, value: |sample| micros(sample.latencies.quantile(0.999)) },
    Column { title: "CPU us/call", decimals: 2, value: |sample| micros(sample.cpu_per_call) },
    Column { title: "others %", decimals: 0, value: |sample| sample.others * 100.0 },
    Column { title: "cores ns", decimals: 0, value: between_cores },
];

#[derive(Clone, Copy, Debug)]
struct Column {
    title: &'static str,
    decimals: usize,
    value: fn(&Sample) -> f64,
}

/// A line for a cell that has just been measured.
pub(crate) fn progress(sample: &Sample, rounds: usize) -> String {
    let Sample { round, contestant, in_flight, probes: [before, after], .. } = sample;
    let mut line = format!("round {round}/{rounds}  {in_flight:>4} in flight  {:<6}", contestant.name());
    for Column { title, decimals, value } in &COLUMNS[..COLUMNS.len() - 1] {
        write!(line, "  {:>9} {title}", grouped(value(sample), *decimals)).expect("a string takes everything");
    }
    let (before, after) = (before.as_nanos(), after.as_nanos());
    let failed = sample.failures.count;
    format!("{line}  {failed} failed  cores {before} -> {after} ns")
}

/// The tables, in Markdown: medians and, in parentheses, ranges, of the samples that nobody disturbed.
pub(crate) fn render(samples: &[Sample], in_flight: &[usize]) -> String {
    let titles: Vec<_> = COLUMNS.iter().map(|column| column.title).collect();
    let mut text = format!("| in flight | | {} | failed | quiet |\n", titles.join(" | "));
    text += &format!("|{}\n", " --- |".repeat(COLUMNS.len() + 4));
    for &in_flight in in_flight {
        for contestant in Contestant::ALL {
            let cell = || of_cell(samples, contestant, in_flight);
            let count = cell().count();
            if count == 0 {
                continue;
            }
            let quiet = || cell().filter(|sample| sample.is_quiet());
            let shown = COLUMNS.map(|Column { decimals, value, .. }| spread(quiet().map(value), decimals)).join(" | ");
            // A failure counts whoever disturbed it.
            let failed: u64 = cell().map(|sample| sample.failures.count).sum();
            let (name, quiet_count) = (contestant.name(), quiet().count());
            text += &format!("| {in_flight} | {name} | {shown} | {failed} | {quiet_count}/{count} |\n");
        }
    }
    text += "\n| in flight | rpcudp / bare, calls/s | rounds |\n| --- | --- | --- |\n";
    for &in_flight in in_flight {
        let ratios = || ratios(samples, in_flight);
        text += &format!("| {in_flight} | {} | {} |\n", spread(ratios(), 2), ratios().count());
    }
    text
}

/// How many calls rpcudp made for each one of the bare socket's, in each round where nobody disturbed either.
fn ratios(samples: &[Sample], in_flight: usize) -> impl Iterator<Item = f64> {
    let quiet = move |contestant| of_cell(samples, contestant, in_flight).filter(|sample| sample.is_quiet());
    quiet(Contestant::Rpcudp).filter_map(move |ours| {
        let bare = quiet(Contestant::Bare).find(|bare| bare.round == ours.round)?;
        Some(ours.calls_per_second / bare.calls_per_second)
    })
}

fn of_cell(samples: &[Sample], contestant: Contestant, in_flight: usize) -> impl Iterator<Item = &Sample> {
    samples.iter().filter(move |sample| (sample.contestant, sample.in_flight) == (contestant, in_flight))
}

fn spread(values: impl Iterator<Item = f64>, decimals: usize) -> String {
    let Some(Spread { median, min, max }) = Spread::of(values) else { return "-".into() };
    format!("{} ({}-{})", grouped(median, decimals), grouped(min, decimals), grouped(max, decimals))
}

/// The way between the cores, as the mean of before and after.
fn between_cores(sample: &Sample) -> f64 {
    let [before, after] = sample.probes;
    (before + after).as_nanos() as f64 / 2.0
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// A number of at least zero, with commas between its thousands.
fn grouped(value: f64, decimals: usize) -> String {
    let digits = format!("{value:.decimals$}");
    let whole_len = digits.find('.').unwrap_or(digits.len());
    let mut grouped = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && index < whole_len && (whole_len - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (value, decimals, text) in [
            (0.0, 0, "0"),
            (999.0, 0, "999"),
            (1000.0, 0, "1,000"),
            (1_234_567.891, 1, "1,234,567.9"),
            (12.345, 2, "12.35"),
        ] {
            assert_eq!(grouped(value, decimals), text);
        }
    }

    #[test]
    fn spreads_show_the_range() {
        assert_eq!(spread([1.0, 3.0, 2.0].into_iter(), 1), "2.0 (1.0-3.0)");
        assert_eq!(spread([].into_iter(), 1), "-");
    }
}
