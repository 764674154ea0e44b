use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

/// Keeps what it is told, by `name{label=value,...}`.
#[derive(Default)]
pub(crate) struct Notes {
    counters: Kept<Number>,
    gauges: Kept<Number>,
    histograms: Kept<Values>,
    units: Mutex<BTreeMap<String, Option<Unit>>>,
}

type Kept<T> = Mutex<BTreeMap<String, Arc<T>>>;

/// A count, or the bits of a level.
#[derive(Default)]
struct Number(AtomicU64);

#[derive(Default)]
struct Values(Mutex<Vec<f64>>);

impl Notes {
    pub(crate) fn count(&self, key: &str) -> Option<u64> {
        self.counters.lock().unwrap().get(key).map(|count| count.0.load(Ordering::Relaxed))
    }

    pub(crate) fn level(&self, key: &str) -> Option<f64> {
        self.gauges.lock().unwrap().get(key).map(|level| f64::from_bits(level.0.load(Ordering::Relaxed)))
    }

    pub(crate) fn values(&self, key: &str) -> Vec<f64> {
        let histograms = self.histograms.lock().unwrap();
        histograms.get(key).map(|values| values.0.lock().unwrap().clone()).unwrap_or_default()
    }

    pub(crate) fn unit(&self, name: &str) -> Option<Unit> {
        self.units.lock().unwrap().get(name).copied().flatten()
    }

    /// Everything that has a value, but for levels.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.counters.lock().unwrap().keys().cloned().collect();
        keys.extend(self.histograms.lock().unwrap().keys().cloned());
        keys
    }

    fn describe(&self, key: &KeyName, unit: Option<Unit>) {
        self.units.lock().unwrap().insert(key.as_str().to_owned(), unit);
    }
}

impl Recorder for Notes {
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
        panic!("two endpoints would overwrite each other");
    }
}

impl GaugeFn for Number {
    fn increment(&self, _: f64) {
        panic!("a recorder that came late would not know what to add to");
    }
    fn decrement(&self, _: f64) {
        panic!("a recorder that came late would not know what to take from");
    }
    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }
}

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

fn entry<T: Default>(mut kept: MutexGuard<'_, BTreeMap<String, Arc<T>>>, key: &Key) -> Arc<T> {
    let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
    let key = format!("{}{{{}}}", key.name(), labels.join(","));
    Arc::clone(kept.entry(key).or_default())
}
