//! The calls of a run, and their outcome.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::contender::Client;
use crate::measuring::BoxError;

/// The times of all calls, failed ones too, in microseconds, and the errors of failed ones.
#[derive(Debug)]
pub(crate) struct Outcome {
    times: Histogram<u64>,
    pub(crate) failed: u64,
    /// The number of failed calls by error.
    errors: BTreeMap<String, u64>,
}

impl Default for Outcome {
    fn default() -> Self {
        Self { times: Histogram::new(3).expect("three significant digits"), failed: 0, errors: BTreeMap::new() }
    }
}

impl Outcome {
    pub(crate) fn count(&self) -> u64 {
        self.times.len()
    }

    /// Returns the time that this share of the calls does not exceed, in milliseconds.
    pub(crate) fn millis(&self, share: f64) -> f64 {
        self.times.value_at_quantile(share) as f64 / 1_000.0
    }

    pub(crate) fn add(&mut self, other: &Self) -> Result<(), BoxError> {
        self.times.add(&other.times)?;
        self.failed += other.failed;
        for (error, count) in &other.errors {
            *self.errors.entry(error.clone()).or_default() += count;
        }
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.millis(0.5), self.millis(0.99));
        write!(f, "{} of {} calls failed, p50 {p50:.0} ms, p99 {p99:.0} ms", self.failed, self.count())?;
        self.errors.iter().try_for_each(|(error, count)| write!(f, "; {count}: {error}"))
    }
}

/// Makes calls, one every 8 ms on average, however long they take.
pub(crate) async fn run(client: Client, count: u32) -> Result<Outcome, BoxError> {
    let mut rng = StdRng::seed_from_u64(7);
    let mut calls = JoinSet::new();
    let mut next = Instant::now();
    for number in 0..u64::from(count) {
        let client = client.clone();
        calls.spawn(async move {
            let start = Instant::now();
            (client.call(number).await, start.elapsed())
        });
        next += Duration::from_millis(rng.random_range(1..=15));
        sleep_until(next).await;
    }
    let mut outcome = Outcome::default();
    for (result, time) in calls.join_all().await {
        if let Err(error) = result {
            outcome.failed += 1;
            *outcome.errors.entry(error.to_string()).or_default() += 1;
        }
        outcome.times.record(u64::try_from(time.as_micros())?)?;
    }
    Ok(outcome)
}
