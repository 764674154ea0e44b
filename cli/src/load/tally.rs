use std::collections::BTreeMap;
use std::time::Duration;

use rpcudp::CallError;
use serde_json::{Value as Json, json};

use super::histogram;
use crate::exit::Failure;
use crate::latencies::{Latencies, percent};
use crate::outcome::Outcome;
use crate::output::{WARNING, grouped, styled};
use crate::value::Value;

/// The outcomes of calls, and the latencies of the calls that got a response.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) latencies: Latencies,
    outcomes: BTreeMap<Outcome, u64>,
    /// The failure of the first call that got no response.
    failure: Option<Failure>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self { latencies: Latencies::new(), outcomes: BTreeMap::new(), failure: None }
    }

    pub(crate) fn record(&mut self, outcome: Outcome, took: Duration, error: Option<CallError<Value>>) {
        *self.outcomes.entry(outcome).or_default() += 1;
        if outcome.is_response {
            self.latencies.record(took);
        } else if self.failure.is_none() {
            self.failure = error.map(Failure::from);
        }
    }

    /// Adds the counts of another tally.
    pub(crate) fn add(&mut self, other: &Self) {
        self.latencies.add(&other.latencies);
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(*outcome).or_default() += count;
        }
        if self.failure.is_none() {
            self.failure.clone_from(&other.failure);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.outcomes.values().sum()
    }

    pub(crate) fn response_count(&self) -> u64 {
        self.latencies.count()
    }

    fn lost_count(&self) -> u64 {
        self.count() - self.response_count()
    }

    /// Formats the summary for people.
    pub(crate) fn as_text(&self, elapsed: Duration) -> Vec<String> {
        let (count, responses, lost) = (self.count(), self.response_count(), self.lost_count());
        let loss = format!("{:.2}% lost", percent(lost, count));
        let loss = if lost > 0 { styled(WARNING, loss) } else { loss };
        let rate = per_second(responses, elapsed);
        let elapsed = elapsed.as_secs_f64();
        let mut lines =
            vec![format!("{count} calls in {elapsed:.1} s, {responses} responses: {rate:.0} a second; {loss}")];
        let others = self.outcomes.iter().filter(|(outcome, _)| outcome.name != "answered");
        let others: Vec<_> = others.map(|(outcome, count)| format!("{} {}", outcome.name, grouped(*count))).collect();
        if !others.is_empty() {
            lines.push(format!("other outcomes: {}", others.join(", ")));
        }
        if responses > 0 {
            lines.push(self.latencies.summary());
            lines.extend(histogram::lines(&self.latencies));
        }
        lines
    }

    pub(crate) fn as_json(&self, elapsed: Duration) -> Json {
        let outcomes: BTreeMap<_, _> = self.outcomes.iter().map(|(outcome, count)| (outcome.name, count)).collect();
        json!({
            "seconds": elapsed.as_secs_f64(),
            "calls": self.count(),
            "answered": self.response_count(),
            "per_second": per_second(self.response_count(), elapsed),
            "loss_percent": percent(self.lost_count(), self.count()),
            "outcomes": outcomes,
            "ms": self.latencies.as_json(),
            "histogram": histogram::as_json(&self.latencies),
        })
    }

    /// Returns the first failure if no call got a response.
    pub(crate) fn into_result(self) -> Result<(), Failure> {
        match self.failure {
            Some(failure) if self.latencies.count() == 0 => Err(failure),
            _ => Ok(()),
        }
    }
}

pub(crate) fn per_second(count: u64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() { 0.0 } else { count as f64 / elapsed.as_secs_f64() }
}
