use super::path::Outcome;
use super::{Options, Sample};

/// Renders the table: a row for each round trip and jitter. Each cell has a figure for each loss.
pub(super) fn render(samples: &[Sample], losses: &[u32], options: &Options) -> String {
    let loss = join(losses.iter().map(u32::to_string));
    let calls = samples.first().map_or(0, |sample| sample.outcome.succeeded + sample.outcome.failed);
    let failed: u32 = samples.iter().map(|sample| sample.outcome.failed).sum();
    let mut text = format!(
        "{calls} calls on each path, {} in flight, seed {}. Each cell has a figure for each loss: {loss} %.\n\n",
        options.in_flight, options.seed,
    );
    text += "| round trip ms | jitter % | needless copies / 1,000 calls | requests / success | p50 ms | p99 ms |\n";
    text += "| --- | --- | --- | --- | --- | --- |\n";
    for row in samples.chunk_by(has_one_row) {
        let path = row[0].path;
        let cell = |figure: fn(&Outcome) -> f64, digits| {
            join(row.iter().map(|sample| format!("{:.digits$}", figure(&sample.outcome))))
        };
        text += &format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            path.round_trip_ms,
            path.jitter_percent,
            cell(Outcome::needless_per_thousand, 1),
            cell(Outcome::requests_per_success, 3),
            cell(|outcome| outcome.latency_ms(0.5), 0),
            cell(|outcome| outcome.latency_ms(0.99), 0),
        );
    }
    // Each attempt succeeds if neither the request nor the response is lost.
    let least = losses.iter().map(|loss| format!("{:.3}", (1.0 - f64::from(*loss) / 100.0).powi(-2)));
    text += &format!("\nRequests per success without a needless copy: {}. Failed calls: {failed}.\n", join(least));
    text
}

fn has_one_row(one: &Sample, other: &Sample) -> bool {
    let key = |sample: &Sample| (sample.path.round_trip_ms, sample.path.jitter_percent);
    key(one) == key(other)
}

fn join(figures: impl Iterator<Item = String>) -> String {
    figures.collect::<Vec<_>>().join(" / ")
}
