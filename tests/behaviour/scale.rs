//! Delivery over many calls: 30 % of the packets are lost each way, 20 % are duplicated, and they
//! arrive out of order.
//!
//! `RPCUDP_CALLS=100000` makes that many calls. The seed is `RPCUDP_SEED`, default 1. With
//! `--nocapture` a run prints the number of calls that succeeded.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, Context, Endpoint, rpc_service};
use tokio::task::JoinSet;

use crate::support::{Pair, Runs, Wire, ms, over_each_wire, variable};

over_each_wire!(
    at_least_once_fails_at_most_one_call_in_ten_thousand,
    at_most_once_runs_no_request_twice_and_each_success_once,
);

#[rpc_service]
trait Ledger {
    #[rpc(at_least_once)]
    fn at_least(&self, cx: &Context, number: u64) -> u64;
    #[rpc(at_most_once)]
    async fn at_most(&self, cx: &Context, number: u64) -> u64;
}

/// The number of runs of each request, and of each call by the number that it sends. A clone shares
/// the counts.
#[derive(Clone, Default)]
struct Counts {
    by_request: Runs,
    by_call: Arc<Mutex<BTreeMap<u64, u64>>>,
}

impl Counts {
    fn record(&self, cx: &Context, number: u64) {
        self.by_request.record(cx);
        *self.by_call.lock().unwrap().entry(number).or_default() += 1;
    }
}

impl Ledger for Counts {
    fn at_least(&self, cx: &Context, number: u64) -> u64 {
        self.record(cx, number);
        !number
    }
    async fn at_most(&self, cx: &Context, number: u64) -> u64 {
        self.record(cx, number);
        tokio::time::sleep(ms(number % 50)).await;
        !number
    }
}

/// The result of many calls.
struct Outcome {
    /// The numbers of the calls that succeeded.
    succeeded: Vec<u64>,
    call_count: u64,
    seed: u64,
    counts: Counts,
}

/// The number of calls in flight at once.
const CONCURRENCY: u64 = 500;

async fn run(wire: Wire, call: fn(&LedgerClient, u64) -> rpcudp::Call<u64>) -> Outcome {
    let call_count = variable("RPCUDP_CALLS").unwrap_or_else(|| wire.call_count(3_000));
    let seed = variable("RPCUDP_SEED").unwrap_or(1);
    let network = Network::new(seed);
    let counts = Counts::default();
    // Limits do not apply to loopback addresses.
    let server = wire.bind(&network, "127.0.0.1:7000", Endpoint::builder().serve(LedgerServer::new(counts.clone())));
    let caller = wire.bind(&network, "127.0.0.1:7001", Endpoint::builder());
    let pair = Pair { network, server, caller, wire };
    // The time of the handshake would be that of all calls.
    pair.open_link().await;
    let conditions = Conditions::default().loss(0.3).duplication(0.2).reordering(0.2);
    pair.network.set_conditions(conditions.latency(ms(20)));
    let client: LedgerClient = pair.client();

    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..CONCURRENCY {
        let (client, next) = (client.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            let mut succeeded = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= call_count {
                    return succeeded;
                }
                match call(&client, number).timeout(Duration::from_secs(5)).await {
                    Ok(response) => {
                        assert_eq!(response, !number, "seed {seed}: the response to another call");
                        succeeded.push(number);
                    }
                    Err(CallError::Timeout { .. }) => {}
                    Err(error) => panic!("seed {seed}: {error}"),
                }
            }
        });
    }
    let succeeded = tasks.join_all().await.concat();
    let (stats, served) = (pair.caller.stats(), pair.server.stats());
    assert_eq!(stats.calls.in_flight, 0, "seed {seed}");
    println!(
        "{} of {call_count} calls succeeded with the seed {seed}; {} requests were retransmitted, {} ran, and {} got \
         a stored response",
        succeeded.len(),
        stats.calls.retransmitted,
        counts.by_request.counts().iter().sum::<u64>(),
        served.requests.replayed,
    );
    Outcome { succeeded, call_count, seed, counts }
}

async fn at_least_once_fails_at_most_one_call_in_ten_thousand(wire: Wire) {
    let Outcome { succeeded, call_count, seed, .. } =
        run(wire, |client, number| client.at_least(number).without_delivery()).await;
    let failed_count = call_count - succeeded.len() as u64;
    assert!(failed_count <= call_count / 10_000, "seed {seed}: {failed_count} of {call_count} failed");
}

async fn at_most_once_runs_no_request_twice_and_each_success_once(wire: Wire) {
    let Outcome { succeeded, call_count, seed, counts } = run(wire, |client, number| client.at_most(number)).await;
    assert!(counts.by_request.counts().iter().all(|count| *count == 1), "seed {seed}: a request ran twice");
    let numbers = counts.by_call.lock().unwrap();
    for number in &succeeded {
        assert_eq!(numbers.get(number), Some(&1), "seed {seed}: call {number} succeeded");
    }
    assert!(succeeded.len() as u64 >= call_count / 2, "seed {seed}: only {} succeeded", succeeded.len());
}
