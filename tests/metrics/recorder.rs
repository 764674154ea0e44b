//! A recorder that stores metrics for tests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

/// A recorder that stores metrics by the key `name{label=value,...}`.
#[derive(Default)]
pub(crate) struct TestRecorder {
    counters: Stored<Number>,
    gauges: Stored<Number>,
    histograms: Stored<Samples>,
    units: Mutex<BTreeMap<String, Option<Unit>>>,
}

type Stored<T> = Mutex<BTreeMap<String, Arc<T>>>;

/// The value of a counter, or the bits of a gauge.
#[derive(Default)]
struct Number(AtomicU64);

#[derive(Default)]
struct Samples(Mutex<Vec<f64>>);

impl TestRecorder {
    /// Returns the value of a counter.
    pub(crate) fn count(&self, key: &str) -> Option<u64> {
        self.counters.lock().unwrap().get(key).map(|count| count.0.load(Ordering::Relaxed))
    }

    /// Returns the value of a gauge.
    pub(crate) fn gauge(&self, key: &str) -> Option<f64> {
        self.gauges.lock().unwrap().get(key).map(|gauge| f64::from_bits(gauge.0.load(Ordering::Relaxed)))
    }

    /// Returns the values of a histogram.
    pub(crate) fn values(&self, key: &str) -> Vec<f64> {
        let histograms = self.histograms.lock().unwrap();
        histograms.get(key).map(|values| values.0.lock().unwrap().clone()).unwrap_or_default()
    }

    /// Returns the unit with which a metric was described.
    pub(crate) fn unit(&self, name: &str) -> Option<Unit> {
        self.units.lock().unwrap().get(name).copied().flatten()
    }

    /// Returns the keys of all counters and histograms.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.counters.lock().unwrap().keys().cloned().collect();
        keys.extend(self.histograms.lock().unwrap().keys().cloned());
        keys
    }

    fn describe(&self, key: &KeyName, unit: Option<Unit>) {
        self.units.lock().unwrap().insert(key.as_str().to_owned(), unit);
    }
}

impl Recorder for TestRecorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }
    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }
    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(entry(self.counters.lock().unwrap(), key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(entry(self.gauges.lock().unwrap(), key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(entry(self.histograms.lock().unwrap(), key))
    }
}

impl CounterFn for Number {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }
    fn absolute(&self, _: u64) {
        panic!("endpoints that set a counter would overwrite each other");
    }
}

impl GaugeFn for Number {
    fn increment(&self, _: f64) {
        panic!("a recorder that is installed late would miss earlier increments");
    }
    fn decrement(&self, _: f64) {
        panic!("a recorder that is installed late would miss earlier increments");
    }
    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }
}

impl HistogramFn for Samples {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

fn entry<T: Default>(mut kept: MutexGuard<'_, BTreeMap<String, Arc<T>>>, key: &Key) -> Arc<T> {
    let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
    let key = format!("{}{{{}}}", key.name(), labels.join(","));
    Arc::clone(kept.entry(key).or_default())
}
