//! A latency histogram. Its memory does not grow with the number of calls.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// The latencies of the calls that got a response.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    /// In nanoseconds.
    histogram: Histogram<u64>,
}

impl Latencies {
    /// One day. Longer latencies are recorded as one day.
    const MAX_NANOS: u64 = 24 * 60 * 60 * 1_000_000_000;

    pub(crate) fn new() -> Self {
        // Two significant digits suffice for display and take about 50 KiB. The histogram resizes
        // itself to the largest recorded value.
        Self { histogram: Histogram::new(2).expect("two digits are a valid precision") }
    }

    pub(crate) fn record(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.histogram.record(nanos.min(Self::MAX_NANOS)).expect("the histogram resizes itself");
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.histogram.add(&other.histogram).expect("the histogram resizes itself");
    }

    pub(crate) fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Returns the latency that this share of the calls, from 0 to 1, did not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.histogram.value_at_quantile(share))
    }

    /// Returns the recorded latencies in ascending order, each with its number of calls.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let buckets = self.histogram.iter_recorded();
        buckets.map(|bucket| (Duration::from_nanos(bucket.value_iterated_to()), bucket.count_since_last_iteration()))
    }

    /// Formats the percentiles in one line.
    pub(crate) fn summary(&self) -> String {
        let [min, p50, p90, p99, max] = [0.0, 0.5, 0.9, 0.99, 1.0].map(|share| format_millis(self.quantile(share)));
        format!("min {min}, median {p50}, p90 {p90}, p99 {p99}, max {max}")
    }

    /// Returns the percentiles in milliseconds, or null if no call got a response.
    pub(crate) fn as_json(&self) -> Value {
        if self.count() == 0 {
            return Value::Null;
        }
        let at = |share| as_millis(self.quantile(share));
        json!({
            "min": at(0.0), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": at(1.0),
            "mean": self.histogram.mean() / 1e6,
        })
    }
}

/// Formats a time in milliseconds, with fewer decimals the longer it is.
pub(crate) fn format_millis(time: Duration) -> String {
    let millis = as_millis(time);
    match millis {
        ..10.0 => format!("{millis:.3} ms"),
        ..100.0 => format!("{millis:.2} ms"),
        _ => format!("{millis:.1} ms"),
    }
}

pub(crate) fn as_millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Returns `some` as a percentage of `all`, or 0 if `all` is 0.
pub(crate) fn percent(some: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { some as f64 * 100.0 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_have_two_significant_digits() {
        let mut latencies = Latencies::new();
        (1..=1_000).for_each(|millis| latencies.record(Duration::from_millis(millis)));
        for (share, millis) in [(0.0, 1.0), (0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (1.0, 1_000.0)] {
            let found = as_millis(latencies.quantile(share));
            assert!((found - millis).abs() <= millis * 0.01, "{share}: {found}");
        }
        assert_eq!(latencies.count(), 1_000);
        let half: u64 =
            latencies.buckets().take_while(|(took, _)| took.as_millis() <= 500).map(|(_, count)| count).sum();
        assert!((490..=510).contains(&half), "{half}");
    }

    #[test]
    fn the_longest_latency_is_counted_and_no_latency_is_null() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.as_json(), Value::Null);
        latencies.record(Duration::MAX);
        latencies.record(Duration::ZERO);
        assert_eq!(latencies.count(), 2);
        assert_eq!(percent(0, 0), 0.0);
    }

    #[test]
    fn longer_times_have_fewer_decimals() {
        let printed = [40, 1_234, 12_345, 1_234_567].map(|micros| format_millis(Duration::from_micros(micros)));
        assert_eq!(printed, ["0.040 ms", "1.234 ms", "12.35 ms", "1234.6 ms"]);
    }
}
