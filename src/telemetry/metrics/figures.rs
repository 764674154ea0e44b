//! Counters and gauges of endpoints, and the recording of their changes.

use std::sync::atomic::{AtomicI64, Ordering};

use metrics::{Label, Unit, counter, describe_counter, describe_gauge, gauge};

/// A counter of endpoints, read from their statistics `S`.
pub(super) struct CounterSpec<S> {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// The label that distinguishes counters of one name.
    pub(super) label: Option<(&'static str, &'static str)>,
    pub(super) unit: Unit,
    pub(super) value: fn(&S) -> u64,
}

/// A gauge, summed over all endpoints of the process.
pub(super) struct GaugeSpec<S> {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) unit: Unit,
    pub(super) value: fn(&S) -> u64,
    /// The sum over all endpoints.
    pub(super) sum: AtomicI64,
}

impl<S> CounterSpec<S> {
    pub(super) fn record(&self, new: &S, recorded: &S) {
        let added = (self.value)(new).saturating_sub((self.value)(recorded));
        if added > 0 {
            counter!(self.name, Vec::from_iter(self.label.map(label))).increment(added);
        }
    }

    pub(super) fn describe(&self) {
        describe_counter!(self.name, self.unit, self.description);
    }
}

impl<S> GaugeSpec<S> {
    pub(super) fn record(&self, new: &S, recorded: &S) {
        let change = (self.value)(new) as i64 - (self.value)(recorded) as i64;
        let sum = self.sum.fetch_add(change, Ordering::Relaxed) + change;
        gauge!(self.name).set(sum as f64);
    }

    pub(super) fn describe(&self) {
        describe_gauge!(self.name, self.unit, self.description);
    }
}

pub(super) fn label((name, value): (&'static str, &'static str)) -> Label {
    Label::from_static_parts(name, value)
}
