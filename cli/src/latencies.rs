//! How long calls took, in as much memory whether there were ten or ten million.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// The answered ones of some calls.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    /// In nanoseconds.
    histogram: Histogram<u64>,
}

impl Latencies {
    /// A day. What takes longer is taken for that.
    const MAX_NANOS: u64 = 24 * 60 * 60 * 1_000_000_000;

    pub(crate) fn new() -> Self {
        // Two digits are as good as three for people, and take some 50 KiB. It grows to what is recorded.
        Self { histogram: Histogram::new(2).expect("two digits are a precision that there is") }
    }

    pub(crate) fn record(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.histogram.record(nanos.min(Self::MAX_NANOS)).expect("it grows to what is recorded");
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.histogram.add(&other.histogram).expect("it grows to what is added");
    }

    pub(crate) fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// What this share of the calls did not exceed, between 0 and 1.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.histogram.value_at_quantile(share))
    }

    /// How long they took, as precisely as is known, and how many took that long; the fastest first.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let recorded = self.histogram.iter_recorded();
        recorded.map(|step| (Duration::from_nanos(step.value_iterated_to()), step.count_since_last_iteration()))
    }

    /// For people, in one line.
    pub(crate) fn summary(&self) -> String {
        let [min, p50, p90, p99, max] = [0.0, 0.5, 0.9, 0.99, 1.0].map(|share| format_millis(self.quantile(share)));
        format!("min {min}, median {p50}, p90 {p90}, p99 {p99}, max {max}")
    }

    /// In milliseconds; null where no call was answered.
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

/// Milliseconds with as many digits as mean something.
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

/// What part of `all` some are, in percent.
pub(crate) fn percent(some: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { some as f64 * 100.0 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_calls_within_two_digits() {
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
    fn what_takes_ages_is_counted_and_none_is_no_number() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.as_json(), Value::Null);
        latencies.record(Duration::MAX);
        latencies.record(Duration::ZERO);
        assert_eq!(latencies.count(), 2);
        assert_eq!(percent(0, 0), 0.0);
    }

    #[test]
    fn times_have_the_digits_that_mean_something() {
        let printed = [40, 1_234, 12_345, 1_234_567].map(|micros| format_millis(Duration::from_micros(micros)));
        assert_eq!(printed, ["0.040 ms", "1.234 ms", "12.35 ms", "1234.6 ms"]);
    }
}
