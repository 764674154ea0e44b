use std::fmt;
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Endpoint, rpc_service};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::measuring::BoxError;

/// A path of the simulated network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// The round trip without jitter.
    pub(super) round_trip_ms: u32,
    /// The maximum jitter, of the round trip.
    pub(super) jitter_percent: u32,
    /// The datagrams that are lost, in each direction.
    pub(super) loss_percent: u32,
}

/// The outcome of the calls on a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) succeeded: u32,
    pub(super) failed: u32,
    /// Requests sent, copies included.
    pub(super) requests: u64,
    /// Copies whose response arrived although the call had one already, or had one on its way.
    pub(super) needless: u64,
    /// The latencies of calls that succeeded, in ascending order.
    latencies: Vec<Duration>,
}

#[rpc_service]
trait Target {
    #[rpc(at_least_once)]
    fn call(&self);
}

struct TargetService;

impl Target for TargetService {
    fn call(&self) {}
}

/// The timeout of a call: longer than any series of losses that is likely.
const TIMEOUT: Duration = Duration::from_secs(600);

impl Path {
    /// Returns the conditions of requests and of responses. Latencies are whole milliseconds,
    /// because the network rounds them up.
    fn conditions(self) -> [Conditions; 2] {
        let response_ms = self.round_trip_ms / 2;
        [self.round_trip_ms - response_ms, response_ms].map(|millis| {
            let latency = Duration::from_millis(millis.into());
            let jitter = latency.mul_f64(f64::from(self.jitter_percent) / 100.0);
            Conditions::default().latency(latency).jitter(jitter).loss(f64::from(self.loss_percent) / 100.0)
        })
    }

    /// Makes calls in virtual time, `in_flight` at a time.
    ///
    /// # Errors
    ///
    /// Returns an error if the runtime or an endpoint cannot be made.
    pub(super) fn measure(self, seed: u64, call_count: u32, in_flight: u32) -> Result<Outcome, BoxError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        runtime.block_on(self.call(seed, call_count, in_flight))
    }

    async fn call(self, seed: u64, call_count: u32, in_flight: u32) -> Result<Outcome, BoxError> {
        let network = Network::new(seed);
        let server = Endpoint::builder().serve(TargetServer::new(TargetService));
        let server = server.bind_transport(network.bind("10.0.0.1:7000")?)?;
        let caller = Endpoint::builder().bind_transport(network.bind("10.0.0.2:7000")?)?;
        let (here, there) = (caller.local_addr().ip(), server.local_addr().ip());
        let [requests, responses] = self.conditions();
        network.set_link(here, there, requests);
        network.set_link(there, here, responses);
        let client = TargetClient::new(&caller, server.local_addr());
        let mut callers = JoinSet::new();
        for index in 0..in_flight {
            let client = client.clone();
            let count = call_count / in_flight + u32::from(index < call_count % in_flight);
            callers.spawn(async move {
                let mut latencies = Vec::new();
                for _ in 0..count {
                    let start = Instant::now();
                    if client.call().timeout(TIMEOUT).await.is_ok() {
                        latencies.push(start.elapsed());
                    }
                }
                latencies
            });
        }
        let mut latencies: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
        latencies.sort_unstable();
        // Until the last copies and their responses have arrived.
        sleep(TIMEOUT).await;

        let succeeded = u32::try_from(latencies.len())?;
        let calls = caller.stats().calls;
        let requests = calls.started + calls.retransmitted;
        let datagrams = network.stats();
        // The server responds to each request that is delivered.
        let responses_sent = datagrams.sent - requests;
        let responses_delivered = datagrams.delivered - responses_sent;
        Ok(Outcome {
            succeeded,
            failed: call_count - succeeded,
            requests,
            needless: responses_delivered.saturating_sub(succeeded.into()),
            latencies,
        })
    }
}

impl Outcome {
    pub(super) fn requests_per_success(&self) -> f64 {
        self.requests as f64 / f64::from(self.succeeded)
    }

    /// Returns the needless copies of 1,000 calls.
    pub(super) fn needless_per_thousand(&self) -> f64 {
        self.needless as f64 * 1_000.0 / f64::from(self.succeeded + self.failed)
    }

    /// Returns a quantile of the latencies in milliseconds, or NaN if no call succeeded.
    pub(super) fn latency_ms(&self, quantile: f64) -> f64 {
        let index = (self.latencies.len() as f64 * quantile) as usize;
        let latency = self.latencies.get(index.min(self.latencies.len().saturating_sub(1)));
        latency.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1_000.0)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { round_trip_ms, jitter_percent, loss_percent } = self;
        write!(f, "{round_trip_ms:>4} ms, jitter {jitter_percent:>2} %, loss {loss_percent:>2} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(round_trip_ms: u32, jitter_percent: u32, loss_percent: u32) -> Outcome {
        Path { round_trip_ms, jitter_percent, loss_percent }.measure(7, 200, 1).unwrap()
    }

    #[test]
    fn path_without_faults_costs_one_round_trip_and_one_request() {
        let outcome = measure(10, 0, 0);
        assert_eq!((outcome.succeeded, outcome.failed, outcome.requests, outcome.needless), (200, 0, 200, 0));
        assert_eq!((outcome.latency_ms(0.5), outcome.latency_ms(0.99)), (10.0, 10.0));
    }

    #[test]
    fn loss_costs_requests_and_time_and_a_seed_repeats_it() {
        let outcome = measure(10, 10, 30);
        assert_eq!((outcome.succeeded, outcome.failed), (200, 0));
        // 1 / 0.49 = 2.04 is the mean without needless copies.
        assert!((1.6..3.0).contains(&outcome.requests_per_success()), "{outcome:?}");
        assert!(outcome.latency_ms(0.99) > 100.0, "{outcome:?}");
        assert_eq!(outcome, measure(10, 10, 30));
    }
}
