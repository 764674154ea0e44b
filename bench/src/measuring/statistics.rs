use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// A histogram of the latencies of a cell's calls, with a relative error of at most 0.1 %.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// Records a latency that `call_count` calls had.
    pub(crate) fn record(&mut self, nanos: u64, call_count: u64) {
        self.0.record_n(nanos, call_count).expect("the histogram grows as needed");
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// Returns each latency in nanoseconds with the number of calls that had it.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter_recorded().map(|recorded| (recorded.value_iterated_to(), recorded.count_at_value()))
    }

    /// Returns the latency that this share of the calls did not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(share))
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new(3).expect("three digits are within its limits"))
    }
}

impl fmt::Debug for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latencies").field("count", &self.count()).finish_non_exhaustive()
    }
}

/// The median and the range of measured values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Computes the spread; `None` if there is no value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (&min, &max) = (values.first()?, values.last()?);
        let (lower, upper) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { median: f64::midpoint(lower, upper), min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_the_median_with_the_range() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
    }

    #[test]
    fn quantiles_are_within_a_thousandth() {
        let mut latencies = Latencies::default();
        (1..=100_000).for_each(|nanos| latencies.record(nanos, 1));
        for (share, nanos) in [(0.5, 50_000.0), (0.99, 99_000.0), (0.999, 99_900.0)] {
            let quantile = latencies.quantile(share).as_nanos() as f64;
            assert!((quantile / nanos - 1.0).abs() < 0.001, "{share}: {quantile}");
        }
    }
}
