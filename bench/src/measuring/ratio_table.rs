use super::numbers::{micros, spread};
use super::sample::{Placement, Sample};

/// A table that divides the figures of samples by those of a base, the sample of another key in the
/// same round.
pub(crate) struct RatioTable<K> {
    /// The heads of the columns that name a key, separated by ` | `.
    pub(crate) heads: &'static str,
    /// Returns the text of these columns for a key.
    pub(crate) cells: fn(K) -> String,
    /// The name of the base.
    pub(crate) base_name: &'static str,
    /// Returns the base of a key.
    pub(crate) base_of: fn(K) -> K,
}

impl<K: Copy + PartialEq> RatioTable<K> {
    /// Renders the table of one placement. Empty if no sample counts.
    pub(crate) fn render(&self, samples: &[Sample<K>], keys: &[K], placement: Placement) -> String {
        let of = |key| {
            samples.iter().filter(move |sample| sample.key == key && sample.placement == placement && sample.counts())
        };
        if keys.iter().all(|&key| of(key).next().is_none()) {
            return String::new();
        }
        let Self { heads, cells, base_name, base_of } = self;
        let mut text = format!("\nCores {placement}:\n\n");
        text += &format!(
            "| {heads} | calls/s | calls/s / {base_name} | p50 us | p99 us | CPU us/call | CPU / {base_name} | samples |\n|"
        );
        text += &" --- |".repeat(heads.split(" | ").count() + 7);
        text += "\n";
        for &key in keys {
            let [p50, p99] = [0.5, 0.99].map(|share| spread(of(key).map(|sample| sample.quantile(share)), 1));
            let of_base = |value| spread(ratios_within_rounds(|| of(key), || of(base_of(key)), value), 3);
            text += &format!(
                "| {} | {} | {} | {p50} | {p99} | {} | {} | {} |\n",
                cells(key),
                spread(of(key).map(|sample| sample.calls_per_second), 0),
                of_base(|sample| sample.calls_per_second),
                spread(of(key).map(|sample| micros(sample.cpu_per_call)), 2),
                of_base(|sample| micros(sample.cpu_per_call)),
                of(key).count(),
            );
        }
        text
    }
}

/// Divides a value of one key's samples by that of another's, in each round in which both samples
/// count and the processors had one pace.
pub(crate) fn ratios_within_rounds<'a, K: 'a, N, D>(
    numerators: impl Fn() -> N,
    denominators: impl Fn() -> D,
    value: fn(&Sample<K>) -> f64,
) -> impl Iterator<Item = f64>
where
    N: Iterator<Item = &'a Sample<K>>,
    D: Iterator<Item = &'a Sample<K>>,
{
    numerators().filter_map(move |numerator| {
        let denominator = denominators().find(|it| it.round == numerator.round && it.has_pace_of(numerator))?;
        Some(value(numerator) / value(denominator))
    })
}
