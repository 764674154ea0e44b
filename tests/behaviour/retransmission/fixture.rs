//! A service with a method for each delivery promise, and measurements with limits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Endpoint, rpc_service};
use tokio::time::sleep;

use crate::support::{Pair, Wire, ms};

#[rpc_service]
pub(crate) trait Work {
    #[rpc(at_least_once, timeout = "60s")]
    fn repeat(&self, number: u64, payload: &[u8]) -> u64;
    #[rpc(at_most_once, timeout = "60s")]
    fn once(&self, number: u64, payload: &[u8]) -> u64;
    #[rpc(at_least_once, timeout = "60s")]
    async fn repeat_slowly(&self, number: u64, millis: u64) -> u64;
    #[rpc(at_most_once, timeout = "60s")]
    async fn once_slowly(&self, number: u64, millis: u64) -> u64;
}

/// The runs of each call, by its number.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunsByNumber(Arc<Mutex<BTreeMap<u64, u64>>>);

impl RunsByNumber {
    fn record(&self, number: u64) -> u64 {
        *self.0.lock().unwrap().entry(number).or_default() += 1;
        number
    }

    pub(crate) fn of(&self, number: u64) -> u64 {
        self.0.lock().unwrap().get(&number).copied().unwrap_or(0)
    }

    /// Returns the number of runs of all calls below a number.
    pub(crate) fn total_below(&self, number: u64) -> u64 {
        self.0.lock().unwrap().range(..number).map(|(_, count)| count).sum()
    }
}

impl Work for RunsByNumber {
    fn repeat(&self, number: u64, _: &[u8]) -> u64 {
        self.record(number)
    }
    fn once(&self, number: u64, _: &[u8]) -> u64 {
        self.record(number)
    }
    async fn repeat_slowly(&self, number: u64, millis: u64) -> u64 {
        self.record(number);
        sleep(ms(millis)).await;
        number
    }
    async fn once_slowly(&self, number: u64, millis: u64) -> u64 {
        self.record(number);
        sleep(ms(millis)).await;
        number
    }
}

/// A server and a caller on a path.
pub(crate) struct Path {
    pub(crate) pair: Pair,
    pub(crate) client: WorkClient,
    pub(crate) runs: RunsByNumber,
}

impl Path {
    pub(crate) fn new(wire: Wire, seed: u64, conditions: Conditions) -> Self {
        let network = Network::new(seed);
        network.set_conditions(conditions);
        let runs = RunsByNumber::default();
        let server = Endpoint::builder().serve(WorkServer::new(runs.clone()));
        let pair = Pair::over(wire, network, server, Endpoint::builder());
        let client = pair.client();
        Self { pair, client, runs }
    }

    /// Returns the number of retransmissions so far.
    pub(crate) fn copy_count(&self) -> u64 {
        self.pair.caller.stats().calls.retransmitted
    }

    /// Makes quick calls one after the other, half of them at-most-once.
    pub(crate) async fn call(&self, count: u64) {
        for number in 0..count {
            let call = if number % 2 == 0 {
                self.client.repeat(number, b"").without_delivery()
            } else {
                self.client.once(number, b"")
            };
            assert_eq!(call.await.unwrap(), number);
        }
    }
}

/// Returns the conditions of a path with this round trip, without loss. Each direction adds up to
/// `jitter`, as a share, to its half of the round trip.
pub(crate) fn steady(round_trip: Duration, jitter: f64) -> Conditions {
    let one_way = round_trip / 2;
    Conditions::default().latency(one_way).jitter(one_way.mul_f64(jitter))
}

/// The measurements of a test, which are all printed before the first violated limit fails the
/// test.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    violations: Vec<String>,
}

impl Measurements {
    /// Notes and prints a measurement.
    pub(crate) fn at_most(&mut self, subject: &str, value: f64, limit: f64) {
        let is_kept = value <= limit;
        let line = format!("{subject}: {value:.4}, at most {limit:.4}{}", if is_kept { "" } else { " VIOLATED" });
        println!("{line}");
        if !is_kept {
            self.violations.push(line);
        }
    }

    pub(crate) fn assert_kept(self) {
        assert!(self.violations.is_empty(), "violated:\n{}", self.violations.join("\n"));
    }
}
