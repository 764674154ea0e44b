//! Peers that restart, responses that are late, and networks that are partitioned for a while.
//!
//! Every run has a seed, which a failure prints. `RPCUDP_SEEDS=1000` runs that many for each
//! property.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, Context, DropReason, Endpoint, rpc_service};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::{CALLER, Runs, SERVER, Wire, ms, over_each_wire};

over_each_wire!(
    responses_to_an_earlier_caller_at_the_same_address_match_no_call,
    restarted_server_responds_to_retransmissions_and_runs_them_again,
    partitions_that_heal_before_the_timeout_fail_no_call,
);

#[rpc_service]
trait Clerk {
    #[rpc(at_least_once)]
    fn at_least(&self, number: u64) -> u64;
    #[rpc(at_most_once)]
    fn at_most(&self, cx: &Context, number: u64) -> u64;
}

impl Clerk for Runs {
    fn at_least(&self, number: u64) -> u64 {
        !number
    }
    fn at_most(&self, cx: &Context, number: u64) -> u64 {
        self.record(cx);
        !number
    }
}

fn serve(wire: Wire, network: &Network, runs: &Runs) -> Endpoint {
    wire.bind(network, SERVER, Endpoint::builder().serve(ClerkServer::new(runs.clone())))
}

fn caller(wire: Wire, network: &Network) -> (Endpoint, ClerkClient) {
    let caller = wire.bind(network, CALLER, Endpoint::builder());
    let client = wire.client(&caller, SERVER.parse().unwrap());
    (caller, client)
}

/// The number of seeds for each property unless `RPCUDP_SEEDS` sets another.
const SEED_COUNT: u64 = 100;

async fn responses_to_an_earlier_caller_at_the_same_address_match_no_call(wire: Wire) {
    for seed in wire.seeds(SEED_COUNT) {
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(100)).jitter(ms(20)).duplication(0.2));
        let _server = serve(wire, &network, &Runs::default());
        let (before, client) = caller(wire, &network);
        let calls: Vec<_> = (0..20).map(|number| tokio::spawn(client.at_least(number))).collect();
        // The requests have left: at once, or after the handshake of the link.
        sleep(ms(if wire == Wire::Plain { 50 } else { 250 })).await;
        drop(client);
        before.close(Duration::ZERO).await;
        for call in calls {
            assert!(matches!(call.await.unwrap(), Err(CallError::Closed)), "seed {seed}");
        }
        // The same address, and as many calls in the same slots. The responses to the first calls
        // are in transit.
        let (after, client) = caller(wire, &network);
        let calls: Vec<_> = (100..120).map(|number| (number, tokio::spawn(client.at_least(number)))).collect();
        for (number, call) in calls {
            assert_eq!(call.await.unwrap().unwrap(), !number, "seed {seed}");
        }
        sleep(Duration::from_secs(10)).await;
        let stats = after.stats();
        if wire == Wire::Plain {
            assert!(stats.dropped(DropReason::UnmatchedResponse) >= 20, "seed {seed}: {stats:?}");
        }
        assert_eq!((stats.calls.completed, stats.calls.in_flight), (20, 0), "seed {seed}");
    }
}

async fn restarted_server_responds_to_retransmissions_and_runs_them_again(wire: Wire) {
    for seed in wire.seeds(SEED_COUNT) {
        let network = Network::new(seed);
        let runs = [Runs::default(), Runs::default()];
        let (server, caller_ip) =
            (serve(wire, &network, &runs[0]), CALLER.parse::<std::net::SocketAddr>().unwrap().ip());
        let (endpoint, client) = caller(wire, &network);
        assert_eq!(client.at_least(7).await.unwrap(), !7);
        // The server runs the requests, and its responses are lost.
        network.set_link(server.local_addr().ip(), caller_ip, Conditions::default().loss(1.0));
        let calls: Vec<_> = (0..20).map(|number| (number, tokio::spawn(client.at_most(number)))).collect();
        sleep(ms(200)).await;
        server.close(Duration::ZERO).await;
        sleep(ms(600)).await;
        network.set_link(server.local_addr().ip(), caller_ip, Conditions::default());
        let _server = serve(wire, &network, &runs[1]);
        for (number, call) in calls {
            assert_eq!(call.await.unwrap().unwrap(), !number, "seed {seed}");
        }
        assert_eq!(
            runs.map(|runs| runs.counts()),
            [vec![1; 20], vec![1; 20]],
            "seed {seed}: once before and once after the restart"
        );
        assert_eq!(endpoint.stats().calls.in_flight, 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn response_completes_a_call_only_before_its_timeout() {
    // The handshake of a link must end within five seconds.
    let wire = Wire::Plain;
    for seed in wire.seeds(SEED_COUNT) {
        let network = Network::new(seed);
        // A round trip takes four to six seconds, and the timeout is five.
        network.set_conditions(Conditions::default().latency(ms(2_000)).jitter(ms(1_000)).duplication(0.1));
        let runs = Runs::default();
        let _server = serve(wire, &network, &runs);
        let (endpoint, client) = caller(wire, &network);
        let mut calls = JoinSet::new();
        let start = Instant::now();
        for number in 0..40 {
            let call = client.at_most(number);
            calls.spawn(async move { (number, call.await, start.elapsed()) });
        }
        let mut completed_count = 0;
        while let Some(ended) = calls.join_next().await {
            let (number, result, elapsed) = ended.unwrap();
            match result {
                Ok(response) => {
                    assert_eq!(response, !number, "seed {seed}");
                    assert!((ms(4_000)..=ms(5_000)).contains(&elapsed), "seed {seed}: {elapsed:?}");
                    completed_count += 1;
                }
                Err(error) => {
                    assert!(error.is_timeout(), "seed {seed}: {error}");
                    assert_eq!(elapsed, ms(5_000), "seed {seed}");
                }
            }
        }
        sleep(Duration::from_secs(60)).await;
        let stats = endpoint.stats();
        assert_eq!(
            (stats.calls.completed, stats.calls.timed_out, stats.calls.in_flight),
            (completed_count, 40 - completed_count, 0)
        );
        // Every response in transit has arrived. All but the first one of each completed call are
        // unmatched.
        let response_count = stats.datagrams.received;
        assert_eq!(
            stats.dropped(DropReason::UnmatchedResponse),
            response_count - completed_count,
            "seed {seed}: {stats:?}"
        );
        assert_eq!(runs.counts(), [1; 40], "seed {seed}");
    }
}

async fn partitions_that_heal_before_the_timeout_fail_no_call(wire: Wire) {
    let mut cut_off_count = 0;
    for seed in wire.seeds(SEED_COUNT) {
        let mut rng = StdRng::seed_from_u64(seed);
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(10)).jitter(ms(10)));
        let runs = Runs::default();
        let server = serve(wire, &network, &runs);
        let (endpoint, client) = caller(wire, &network);
        let mut calls = JoinSet::new();
        for number in 0..20 {
            let (at_most, at_least) = (client.at_most(number), client.at_least(number));
            let wait = ms(rng.random_range(0..1_500));
            calls.spawn(async move {
                sleep(wait).await;
                let (at_most, at_least) = tokio::join!(at_most, at_least);
                assert_eq!((at_most.unwrap(), at_least.unwrap()), (!number, !number), "seed {seed}");
            });
        }
        // Two partitions. Each call has seconds left after the second one.
        for _ in 0..2 {
            sleep(ms(rng.random_range(0..200))).await;
            network.partition([server.local_addr().ip()]);
            sleep(ms(rng.random_range(100..700))).await;
            network.heal();
        }
        calls.join_all().await;
        assert_eq!(runs.counts(), [1; 20], "seed {seed}");
        cut_off_count += network.stats().cut_off;
        assert_eq!(endpoint.stats().calls.in_flight, 0, "seed {seed}");
    }
    assert!(cut_off_count > 0, "no partition has dropped a packet");
}
