//! Delivery (maybe, at least once, at most once, oneway) on a network that loses, duplicates,
//! delays and reorders packets.
//!
//! Every run has a seed, which a failure prints. `RPCUDP_SEEDS=1000` runs that many for each
//! property.

use std::time::Duration;

use rpcudp::sim::{Conditions, Network, NetworkStats};
use rpcudp::{Builder, CallError, Context, DropReason, Endpoint, Refusal, Stats, rpc_service};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::{Pair, Runs, Wire, ms, over_each_wire};

over_each_wire!(
    at_least_once_succeeds_under_loss,
    at_most_once_succeeds_and_runs_once_under_loss,
    retransmission_backs_off_and_ends_at_the_timeout,
    completed_call_is_not_retransmitted,
    duplicate_of_a_running_request_is_dropped,
    duplicate_gets_the_stored_error_or_refusal,
    full_response_memory_evicts_and_counts,
    at_most_once_request_refused_as_busy_never_runs,
    oneway_is_sent_once_and_gets_no_response,
    call_survives_a_partition_that_heals_before_its_timeout,
    runs_with_the_same_seed_are_equal,
);

#[rpc_service]
trait Ledger {
    fn maybe(&self, cx: &Context, number: u64) -> u64;
    #[rpc(at_least_once)]
    fn at_least(&self, cx: &Context, number: u64) -> u64;
    #[rpc(at_most_once)]
    fn at_most(&self, cx: &Context, number: u64) -> u64;
    #[rpc(at_most_once)]
    async fn at_most_later(&self, cx: &Context, number: u64) -> u64;
    #[rpc(at_most_once)]
    async fn slowly(&self, cx: &Context, millis: u64) -> u64;
    #[rpc(oneway)]
    fn oneway(&self, cx: &Context, number: u64);
    #[rpc(at_most_once, timeout = "20s")]
    fn at_most_failing(&self, cx: &Context) -> Result<(), u64>;
    #[rpc(at_most_once)]
    fn at_most_panicking(&self, cx: &Context);
}

impl Ledger for Runs {
    fn maybe(&self, cx: &Context, number: u64) -> u64 {
        self.record(cx);
        number
    }
    fn at_least(&self, cx: &Context, number: u64) -> u64 {
        self.record(cx);
        number
    }
    fn at_most(&self, cx: &Context, number: u64) -> u64 {
        self.record(cx);
        number
    }
    async fn at_most_later(&self, cx: &Context, number: u64) -> u64 {
        self.record(cx);
        sleep(ms(number % 50)).await;
        number
    }
    async fn slowly(&self, cx: &Context, millis: u64) -> u64 {
        self.record(cx);
        sleep(ms(millis)).await;
        millis
    }
    fn oneway(&self, cx: &Context, _: u64) {
        self.record(cx);
    }
    fn at_most_failing(&self, cx: &Context) -> Result<(), u64> {
        Err(self.record(cx))
    }
    fn at_most_panicking(&self, cx: &Context) {
        panic!("run {}", self.record(cx))
    }
}

/// Binds a server and a caller, and returns them with a client and the record of runs.
fn pair_with(wire: Wire, seed: u64, configure: impl Fn(Builder) -> Builder) -> (Pair, LedgerClient, Runs) {
    let runs = Runs::default();
    let server = configure(Endpoint::builder().serve(LedgerServer::new(runs.clone())));
    let pair = Pair::over(wire, Network::new(seed), server, Endpoint::builder());
    let client = pair.client();
    (pair, client, runs)
}

/// Binds a server and a caller with default settings.
fn pair(wire: Wire, seed: u64) -> (Pair, LedgerClient, Runs) {
    pair_with(wire, seed, |builder| builder)
}

/// The number of seeds for each property unless `RPCUDP_SEEDS` sets another.
const SEED_COUNT: u64 = 20;

/// A timeout for some thirty transmissions, of which half get a response through.
const LONG_TIMEOUT: Duration = Duration::from_secs(120);

/// Loss of 30 %, duplication of 20 %, reordering of 20 %, and 20 to 30 ms of latency.
fn bad_conditions() -> Conditions {
    Conditions::default().loss(0.3).duplication(0.2).reordering(0.2).latency(ms(20)).jitter(ms(10))
}

async fn at_least_once_succeeds_under_loss(wire: Wire) {
    for seed in wire.seeds(SEED_COUNT) {
        let (pair, client, _) = pair(wire, seed);
        pair.network.set_conditions(bad_conditions());
        let mut calls = JoinSet::new();
        for number in 0..100 {
            let call = client.at_least(number).timeout(LONG_TIMEOUT);
            calls.spawn(async move { (number, call.await) });
        }
        while let Some(ended) = calls.join_next().await {
            let (number, result) = ended.unwrap();
            assert_eq!(result.unwrap_or_else(|error| panic!("seed {seed}: {number}: {error}")), number);
        }
        let stats = pair.caller.stats();
        assert!(stats.calls.retransmitted >= 40, "seed {seed}: {stats:?}");
    }
}

async fn at_most_once_succeeds_and_runs_once_under_loss(wire: Wire) {
    for seed in wire.seeds(SEED_COUNT) {
        let (pair, client, runs) = pair(wire, seed);
        pair.network.set_conditions(bad_conditions());
        let mut calls = JoinSet::new();
        for number in 0..50 {
            let call = client.at_most(number).timeout(LONG_TIMEOUT);
            calls.spawn(async move { (number, call.await) });
            let call = client.at_most_later(number).timeout(LONG_TIMEOUT);
            calls.spawn(async move { (number, call.await) });
        }
        while let Some(ended) = calls.join_next().await {
            let (number, result) = ended.unwrap();
            assert_eq!(result.unwrap_or_else(|error| panic!("seed {seed}: {number}: {error}")), number);
        }
        assert_eq!(runs.counts(), [1; 100], "seed {seed}");
        let requests = pair.server.stats().requests;
        assert!(requests.replayed > 0, "seed {seed}: {requests:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn maybe_is_sent_once_and_runs_for_each_duplicate() {
    let (pair, client, runs) = pair(Wire::Plain, 1);
    pair.network.set_conditions(Conditions::default().duplication(1.0));
    assert_eq!(client.maybe(7).await.unwrap(), 7);
    sleep(ms(100)).await;
    assert_eq!(runs.counts(), [2]);

    pair.network.set_conditions(Conditions::default().loss(1.0));
    let sent = pair.network.stats().sent;
    assert!(client.maybe(7).await.unwrap_err().is_timeout());
    assert_eq!(pair.network.stats().sent, sent + 1);
}

async fn retransmission_backs_off_and_ends_at_the_timeout(wire: Wire) {
    let (pair, client, _) = pair(wire, 1);
    pair.open_link().await;
    pair.network.set_conditions(Conditions::default().loss(1.0));
    let start = Instant::now();
    assert!(client.at_least(7).await.unwrap_err().is_timeout());
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    // The interval starts at 500 ms and doubles, but takes at most an eighth of the remaining time,
    // and is up to a quarter longer: seven to nine fit into five seconds.
    let retransmitted = pair.caller.stats().calls.retransmitted;
    assert!((7..=9).contains(&retransmitted), "{retransmitted}");
    sleep(Duration::from_secs(60)).await;
    assert_eq!(pair.caller.stats().calls.retransmitted, retransmitted, "none after the timeout");
    if wire == Wire::Plain {
        assert_eq!(pair.network.stats().sent, 1 + retransmitted, "no packet is sent after the timeout");
    }
}

async fn completed_call_is_not_retransmitted(wire: Wire) {
    let (pair, client, _) = pair(wire, 1);
    pair.network.set_conditions(Conditions::default().latency(ms(50)));
    assert_eq!(client.at_least(7).await.unwrap(), 7);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(pair.caller.stats().calls.retransmitted, 0);
    if wire == Wire::Plain {
        assert_eq!(pair.network.stats().sent, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_call_is_not_retransmitted() {
    let (pair, client, _) = pair(Wire::Plain, 1);
    pair.network.set_conditions(Conditions::default().loss(1.0));
    assert!(tokio::time::timeout(ms(100), client.at_least(7)).await.is_err());
    sleep(Duration::from_secs(60)).await;
    assert_eq!(pair.network.stats().sent, 2, "the request and its cancel frame");
}

async fn duplicate_of_a_running_request_is_dropped(wire: Wire) {
    let (pair, client, runs) = pair(wire, 1);
    assert_eq!(client.slowly(3_000).await.unwrap(), 3_000);
    assert_eq!(runs.counts(), [1]);
    let (server, caller) = (pair.server.stats(), pair.caller.stats());
    // The first running frame ends the quick schedule.
    assert!((1..=2).contains(&caller.calls.retransmitted), "{caller:?}");
    assert_eq!(server.dropped(DropReason::DuplicateRequest), caller.calls.retransmitted);
    assert_eq!(server.requests.running_sent, caller.calls.retransmitted);
    assert_eq!(caller.calls.running_received, caller.calls.retransmitted);
    if wire == Wire::Plain {
        assert_eq!(server.datagrams.sent, 1 + caller.calls.retransmitted);
    }
}

async fn duplicate_gets_the_stored_error_or_refusal(wire: Wire) {
    let (pair, client, runs) = pair(wire, 1);
    pair.open_link().await;
    // Responses are lost until the third transmission; requests arrive.
    let heal = async {
        pair.set_response_conditions(Conditions::default().loss(1.0));
        sleep(ms(600)).await;
        pair.set_response_conditions(Conditions::default());
    };
    let (failing, panicking) = (client.at_most_failing(), client.at_most_panicking());
    let (failed, panicked, ()) = tokio::join!(failing, panicking, heal);
    assert_eq!(failed.unwrap_err().into_application().unwrap(), 1);
    assert!(matches!(panicked, Err(CallError::Refused { reason: Refusal::Panicked, .. })));
    assert_eq!(runs.counts(), [1, 1]);
    assert_eq!(pair.server.stats().requests.panicked, 1);
}

async fn full_response_memory_evicts_and_counts(wire: Wire) {
    let (pair, client, _) = pair_with(wire, 1, |builder| builder.response_memory(1_000, Duration::from_secs(60)));
    for number in 0..20 {
        assert_eq!(client.at_most(number).await.unwrap(), number);
    }
    let evicted = pair.server.stats().requests.evicted;
    assert!((14..20).contains(&evicted), "{evicted}");
}

async fn at_most_once_request_refused_as_busy_never_runs(wire: Wire) {
    let (pair, client, runs) = pair_with(wire, 1, |builder| builder.max_handlers(1));
    let first = tokio::spawn(client.slowly(1_000));
    sleep(ms(10)).await;
    // The refusal is lost. The server could run a duplicate, but the refusal might only be late, so
    // the duplicate must be refused too.
    pair.set_response_conditions(Conditions::default().loss(1.0));
    let second = tokio::spawn(client.slowly(1));
    sleep(ms(900)).await;
    pair.set_response_conditions(Conditions::default());
    assert_eq!(first.await.unwrap().unwrap(), 1_000);
    let refused = second.await.unwrap();
    assert!(matches!(refused, Err(CallError::Refused { reason: Refusal::Busy, .. })), "{refused:?}");
    assert_eq!(runs.counts(), [1]);
}

async fn oneway_is_sent_once_and_gets_no_response(wire: Wire) {
    let (pair, client, runs) = pair(wire, 1);
    for number in 0..10 {
        client.oneway(number).await.unwrap();
    }
    sleep(Duration::from_secs(60)).await;
    assert_eq!(runs.counts(), [1; 10]);
    if wire == Wire::Plain {
        assert_eq!(pair.network.stats().sent, 10);
    }
    let calls = client.endpoint().stats().calls;
    assert_eq!((calls.started, calls.oneway, calls.completed, calls.cancelled), (10, 10, 0, 0));
}

async fn call_survives_a_partition_that_heals_before_its_timeout(wire: Wire) {
    let (pair, client, runs) = pair(wire, 1);
    pair.network.partition([pair.server.local_addr().ip()]);
    let call = tokio::spawn(client.at_most(7));
    sleep(Duration::from_secs(2)).await;
    pair.network.heal();
    assert_eq!(call.await.unwrap().unwrap(), 7);
    assert_eq!(runs.counts(), [1]);
}

/// Runs a hundred calls on a bad network, and returns all statistics and the duration.
async fn run(wire: Wire, seed: u64) -> (Stats, Stats, NetworkStats, Duration) {
    let start = Instant::now();
    let (pair, client, _) = pair(wire, seed);
    pair.network.set_conditions(bad_conditions());
    let mut calls = JoinSet::new();
    for number in 0..50 {
        calls.spawn(client.at_most_later(number).timeout(Duration::from_secs(2)));
        calls.spawn(client.maybe(number));
    }
    while calls.join_next().await.is_some() {}
    (pair.server.stats(), pair.caller.stats(), pair.network.stats(), start.elapsed())
}

async fn runs_with_the_same_seed_are_equal(wire: Wire) {
    for seed in wire.seeds(SEED_COUNT) {
        let first = run(wire, seed).await;
        assert_eq!(first, run(wire, seed).await, "seed {seed}");
        assert_ne!(first, run(wire, seed + 1_000_000).await, "seed {seed}");
    }
}
