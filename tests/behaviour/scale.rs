//! What the promises of delivery come to over many calls: a third of everything is lost each way, a fifth comes twice,
//! and nothing in order.
//!
//! `RPCUDP_CALLS=100000` makes as many; the seed is `RPCUDP_SEED`, or 1. With `--nocapture` it says how they ended.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, Context, Endpoint, rpc_service};
use tokio::task::JoinSet;

use crate::support::{Runs, bind, ms, variable};

#[rpc_service]
trait Ledger {
    #[rpc(at_least_once)]
    fn at_least(&self, cx: &Context, number: u64) -> u64;
    #[rpc(at_most_once)]
    async fn at_most(&self, cx: &Context, number: u64) -> u64;
}

/// What ran.
#[derive(Clone, Default)]
struct Books {
    runs: Runs,
    /// How often each number ran.
    numbers: Arc<Mutex<BTreeMap<u64, u64>>>,
}

impl Books {
    fn record(&self, cx: &Context, number: u64) {
        self.runs.record(cx);
        *self.numbers.lock().unwrap().entry(number).or_default() += 1;
    }
}

impl Ledger for Books {
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

/// What a run came to.
struct Outcome {
    /// The numbers of the calls that succeeded.
    succeeded: Vec<u64>,
    call_count: u64,
    seed: u64,
    books: Books,
}

/// How many calls are under way at once.
const CONCURRENCY: u64 = 500;

async fn run(call: fn(&LedgerClient, u64) -> rpcudp::Call<u64>) -> Outcome {
    let (call_count, seed) = (variable("RPCUDP_CALLS").unwrap_or(3_000), variable("RPCUDP_SEED").unwrap_or(1));
    let network = Network::new(seed);
    let conditions = Conditions::default().loss(0.3).duplication(0.2).reordering(0.2);
    network.set_conditions(conditions.latency(ms(20)));
    let books = Books::default();
    // Both on one host, so that no limit applies.
    let server = bind(&network, "127.0.0.1:7000", Endpoint::builder().serve(LedgerServer::new(books.clone())));
    let caller = bind(&network, "127.0.0.1:7001", Endpoint::builder());
    let client = LedgerClient::new(&caller, server.local_addr());

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
                    Ok(answer) => {
                        assert_eq!(answer, !number, "seed {seed}: an answer to another call");
                        succeeded.push(number);
                    }
                    Err(CallError::Timeout { .. }) => {}
                    Err(error) => panic!("seed {seed}: {error}"),
                }
            }
        });
    }
    let succeeded = tasks.join_all().await.concat();
    let (stats, served) = (caller.stats(), server.stats());
    assert_eq!(stats.calls.in_flight, 0, "seed {seed}");
    println!(
        "{} of {call_count} calls succeeded with the seed {seed}; {} requests were sent again, {} ran, and {} were \
         answered from memory",
        succeeded.len(),
        stats.calls.retransmitted,
        books.runs.counts().iter().sum::<u64>(),
        served.requests.replayed,
    );
    Outcome { succeeded, call_count, seed, books }
}

#[tokio::test(start_paused = true)]
async fn at_least_once_succeeds_in_all_but_one_of_ten_thousand() {
    let Outcome { succeeded, call_count, seed, .. } = run(|client, number| client.at_least(number)).await;
    let failed_count = call_count - succeeded.len() as u64;
    assert!(failed_count <= call_count / 10_000, "seed {seed}: {failed_count} of {call_count} failed");
}

#[tokio::test(start_paused = true)]
async fn at_most_once_runs_no_request_twice_and_every_one_that_succeeded() {
    let Outcome { succeeded, call_count, seed, books } = run(|client, number| client.at_most(number)).await;
    assert!(books.runs.counts().iter().all(|count| *count == 1), "seed {seed}: an id ran twice");
    let numbers = books.numbers.lock().unwrap();
    for number in &succeeded {
        assert_eq!(numbers.get(number), Some(&1), "seed {seed}: call {number} succeeded");
    }
    assert!(succeeded.len() as u64 >= call_count / 2, "seed {seed}: only {} succeeded", succeeded.len());
}
