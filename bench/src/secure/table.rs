use super::Key;
use super::wire::Wire;
use crate::measuring::{Placement, Sample, grouped, micros, ratios_within_rounds, spread};

/// A figure of a sample.
type Figure = fn(&Sample<Key>) -> f64;

/// Renders the tables of both placements of the cores: medians and, in parentheses, ranges.
pub(super) fn render(samples: &[Sample<Key>], keys: &[Key]) -> String {
    let mut text = String::new();
    for placement in Placement::SETTLED {
        let counted = || samples.iter().filter(|sample| sample.placement == placement && sample.counts());
        if counted().next().is_none() {
            continue;
        }
        let between = spread(counted().map(Sample::between_cores), 0);
        text += &format!("\nCores {placement}: {between} ns round trip.\n\n");
        text += "| bytes | in flight | wire | calls/s | MiB/s each way | p50 us | p99 us | CPU us/call | calls/s, link / wire | \
                 p50, link / wire | CPU, link / wire | calls/s, wire / plain | p50, wire / plain | samples |\n";
        text += &format!("|{}\n", " --- |".repeat(14));
        for &key in keys {
            text += &row(key, |key| counted().filter(move |sample| sample.key == key));
        }
    }
    text
}

/// Renders the row of a cell. Empty if no sample counts.
fn row<'a, S: Iterator<Item = &'a Sample<Key>>>(key: Key, of: impl Fn(Key) -> S) -> String {
    let count = of(key).count();
    if count == 0 {
        return String::new();
    }
    let to = |one: Key, other: Key, value: Figure| {
        if one == other {
            return String::new();
        }
        spread(ratios_within_rounds(|| of(one), || of(other), value), 2)
    };
    let (link, plain) = (Key { wire: Wire::Link, ..key }, Key { wire: Wire::Plain, ..key });
    let speed: Figure = |sample| sample.calls_per_second;
    let median: Figure = |sample| sample.quantile(0.5);
    let cpu: Figure = |sample| micros(sample.cpu_per_call);
    let Key { size, in_flight, wire } = key;
    let mebibytes = |sample: &Sample<Key>| sample.calls_per_second * sample.key.size as f64 / f64::from(1 << 20);
    let cells = [
        grouped(size as f64, 0),
        in_flight.to_string(),
        wire.to_string(),
        spread(of(key).map(speed), 0),
        spread(of(key).map(mebibytes), 0),
        spread(of(key).map(median), 1),
        spread(of(key).map(|sample| sample.quantile(0.99)), 1),
        spread(of(key).map(cpu), 2),
        to(link, key, speed),
        to(link, key, median),
        to(link, key, cpu),
        to(key, plain, speed),
        to(key, plain, median),
        count.to_string(),
    ];
    format!("| {} |\n", cells.join(" | "))
}
