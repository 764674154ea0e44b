//! A histogram of latencies as text. The edges of its bins are the series 1, 2, 5, 10; its bins
//! range from the fastest to the slowest call.

use std::time::Duration;

use serde_json::{Value, json};

use crate::latencies::{Latencies, as_millis, percent};

/// The length of the longest bar, in characters.
const WIDTH: u64 = 40;

/// A bin of the histogram: `count` calls took at least `from` and less than `to`.
struct Bin {
    from: Duration,
    to: Duration,
    count: u64,
}

pub(crate) fn lines(latencies: &Latencies) -> Vec<String> {
    let bins = bins(latencies);
    let max_count = bins.iter().map(|bin| bin.count).max().unwrap_or(0);
    let line = |Bin { from, to, count }: &Bin| {
        let share = percent(*count, latencies.count());
        format!("{:>7} to {:>7} |{:<40}| {share:6.2}%", format_edge(*from), format_edge(*to), bar(*count, max_count))
    };
    bins.iter().map(line).collect()
}

pub(crate) fn as_json(latencies: &Latencies) -> Value {
    let bins = bins(latencies).into_iter();
    bins.map(|Bin { from, to, count }| json!({ "from_ms": as_millis(from), "to_ms": as_millis(to), "count": count }))
        .collect()
}

/// Returns the bins from the first to the last one that contains calls.
fn bins(latencies: &Latencies) -> Vec<Bin> {
    let edges: Vec<_> = edges().collect();
    let mut counts = vec![0; edges.len()];
    for (took, count) in latencies.buckets() {
        // The first edge is zero, so the partition point is at least 1.
        counts[edges.partition_point(|edge| *edge <= took) - 1] += count;
    }
    let bins = edges.windows(2).zip(counts).map(|(edge, count)| Bin { from: edge[0], to: edge[1], count });
    let mut bins: Vec<_> = bins.skip_while(|bin| bin.count == 0).collect();
    let end = bins.iter().rposition(|bin| bin.count > 0).map_or(0, |last| last + 1);
    bins.truncate(end);
    bins
}

/// Returns the edges: 0, 1, 2, 5, 10, 20 µs and so on, and last one that is longer than any call.
fn edges() -> impl Iterator<Item = Duration> {
    let micros = (0..8).flat_map(|decade| [1, 2, 5].map(|factor| factor * 10_u64.pow(decade)));
    [Duration::ZERO].into_iter().chain(micros.map(Duration::from_micros)).chain([Duration::from_secs(2 * 24 * 60 * 60)])
}

/// Draws a bar, precise to an eighth of a character and rounded up, so that a single call is
/// visible.
fn bar(count: u64, max_count: u64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if max_count == 0 {
        return String::new();
    }
    let eighths = (count as u128 * u128::from(WIDTH) * 8).div_ceil(max_count.into()) as usize;
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}

/// Formats the edge of a bin in at most seven characters.
fn format_edge(time: Duration) -> String {
    match time.as_micros() {
        micros @ ..1_000 => format!("{micros} µs"),
        micros @ ..1_000_000 => format!("{} ms", micros / 1_000),
        micros @ ..1_000_000_000 => format!("{} s", micros / 1_000_000),
        _ => "∞".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(micros: &[u64]) -> Latencies {
        let mut latencies = Latencies::new();
        micros.iter().for_each(|micros| latencies.record(Duration::from_micros(*micros)));
        latencies
    }

    #[test]
    fn bars_are_proportional_and_empty_bins_are_printed() {
        let lines = lines(&of(&[60, 70, 80, 90, 600, 610]));
        assert_eq!(
            lines,
            [
                format!("  50 µs to  100 µs |{}|  66.67%", "█".repeat(40)),
                format!(" 100 µs to  200 µs |{}|   0.00%", " ".repeat(40)),
                format!(" 200 µs to  500 µs |{}|   0.00%", " ".repeat(40)),
                format!(" 500 µs to    1 ms |{}{}|  33.33%", "█".repeat(20), " ".repeat(20)),
            ]
        );
    }

    #[test]
    fn every_call_is_in_a_bin() {
        for latencies in [of(&[]), of(&[0]), of(&[1, 10, 100]), of(&[u64::MAX]), of(&[0, 5_000_000, 4_000_000_000])] {
            let counted: u64 = bins(&latencies).iter().map(|bin| bin.count).sum();
            assert_eq!(counted, latencies.count());
        }
        assert_eq!(as_json(&of(&[60])), json!([{ "from_ms": 0.05, "to_ms": 0.1, "count": 1 }]));
    }

    #[test]
    fn the_smallest_share_is_visible() {
        assert_eq!((bar(1, 1_000_000), bar(0, 5), bar(5, 5)), ("▏".into(), String::new(), "█".repeat(40)));
        assert_eq!(bar(u64::MAX, u64::MAX).chars().count(), 40);
    }
}
