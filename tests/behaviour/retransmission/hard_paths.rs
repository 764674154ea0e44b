//! The delivery promises on every kind of path that the simulated network has.

use std::net::IpAddr;
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::fixture::Path;
use crate::support::{CALLER, SERVER, Wire, ms, over_each_wire};

over_each_wire!(
    promises_hold_under_bursts_of_loss,
    promises_hold_for_requests_in_fragments,
    promises_hold_on_a_slow_link_with_a_short_queue,
    promises_hold_on_a_slow_link_with_a_long_queue,
    promises_hold_while_routes_change,
    promises_hold_under_duplication_and_reordering,
    promises_hold_while_the_callers_address_changes,
    promises_hold_while_the_callers_mapping_expires,
    promises_hold_while_the_caller_moves_between_networks,
    promises_hold_while_processes_pause,
    response_that_arrived_during_a_pause_completes_its_call,
);

/// The calls of each kind in a run.
const CALL_COUNT: u64 = 25;

/// Long enough for any number of losses that a seed may bring.
const TIMEOUT: Duration = Duration::from_secs(300);

fn host(addr: &str) -> IpAddr {
    addr.parse::<std::net::SocketAddr>().unwrap().ip()
}

/// The time between changes of the caller's address: long enough for one response to arrive before
/// the next change.
const REBIND_INTERVAL: Duration = ms(230);

/// Makes calls of every kind under these conditions, with faults of hosts that `trouble` causes
/// meanwhile. Checks that every call succeeds and that at-most-once calls run once.
async fn check_promises<T: Future<Output = ()> + Send + 'static>(
    (wire, name): (Wire, &str),
    conditions: Conditions,
    payload_len: usize,
    trouble: impl Fn(Network) -> T,
) {
    for seed in wire.seeds(20) {
        let path = Path::new(wire, seed, conditions.clone());
        let trouble = tokio::spawn(trouble(path.pair.network.clone()));
        let payload = vec![7; payload_len];
        let mut calls = JoinSet::new();
        for index in 0..CALL_COUNT {
            let client = path.client.clone();
            let kinds = [
                client.repeat(4 * index, &payload).without_delivery(),
                client.once(4 * index + 1, &payload),
                client.repeat_slowly(4 * index + 2, 5 * index).without_delivery(),
                client.once_slowly(4 * index + 3, 5 * index),
            ];
            for call in kinds {
                calls.spawn(call.timeout(TIMEOUT));
            }
            sleep(ms(20)).await;
        }
        while let Some(result) = calls.join_next().await {
            result.unwrap().unwrap_or_else(|error| panic!("{name}, seed {seed}: {error:?}"));
        }
        trouble.abort();
        for number in 0..4 * CALL_COUNT {
            let run_count = path.runs.of(number);
            let is_allowed = if number % 2 == 1 { run_count == 1 } else { run_count >= 1 };
            assert!(is_allowed, "{name}, seed {seed}: call {number} ran {run_count} times");
        }
    }
}

async fn no_trouble(_: Network) {}

fn conditions() -> Conditions {
    Conditions::default().latency(ms(20)).jitter(ms(10))
}

async fn promises_hold_under_bursts_of_loss(wire: Wire) {
    let bursts = conditions().loss(0.02).burst_loss(0.05, 0.2, 0.9);
    check_promises((wire, "bursts"), bursts, 0, no_trouble).await;
}

async fn promises_hold_for_requests_in_fragments(wire: Wire) {
    let fragments = conditions().loss(0.05).fragments(1_472);
    check_promises((wire, "fragments"), fragments, 8_000, no_trouble).await;
}

async fn promises_hold_on_a_slow_link_with_a_short_queue(wire: Wire) {
    // 100 requests of 500 bytes in half a second are eight times the rate.
    let slow = conditions().rate(12_500, 5_000);
    check_promises((wire, "slow link"), slow, 500, no_trouble).await;
}

async fn promises_hold_on_a_slow_link_with_a_long_queue(wire: Wire) {
    let bloated = conditions().rate(12_500, 1 << 20);
    check_promises((wire, "long queue"), bloated, 500, no_trouble).await;
}

async fn promises_hold_while_routes_change(wire: Wire) {
    let routes = conditions().loss(0.05).route_changes(ms(100), ms(180));
    check_promises((wire, "routes"), routes, 0, no_trouble).await;
}

async fn promises_hold_under_duplication_and_reordering(wire: Wire) {
    let disorder = conditions().loss(0.1).duplication(0.3).reordering(0.3);
    check_promises((wire, "disorder"), disorder, 0, no_trouble).await;
}

async fn promises_hold_while_the_callers_address_changes(wire: Wire) {
    check_promises((wire, "nat"), conditions().loss(0.1), 0, |network| {
        let nat = network.nat([198, 51, 100, 1].into(), [host(CALLER)], Duration::from_secs(30));
        async move {
            loop {
                sleep(REBIND_INTERVAL).await;
                nat.rebind();
            }
        }
    })
    .await;
}

async fn promises_hold_while_the_callers_mapping_expires(wire: Wire) {
    // Longer than a slow call, and shorter than most intervals between retransmissions.
    check_promises((wire, "short mapping"), conditions().loss(0.1), 0, |network| {
        let _nat = network.nat([198, 51, 100, 1].into(), [host(CALLER)], ms(250));
        no_trouble(network)
    })
    .await;
}

async fn promises_hold_while_the_caller_moves_between_networks(wire: Wire) {
    check_promises((wire, "moves"), conditions().loss(0.1), 0, |network| {
        let nat = network.nat([198, 51, 100, 1].into(), [host(CALLER)], Duration::from_secs(30));
        async move {
            for public in (2..=250).cycle() {
                sleep(REBIND_INTERVAL).await;
                nat.rebind_to([198, 51, 100, public].into());
            }
        }
    })
    .await;
}

async fn promises_hold_while_processes_pause(wire: Wire) {
    for paused in [SERVER, CALLER] {
        check_promises((wire, "pauses"), conditions().loss(0.05), 0, |network| async move {
            let addr = paused.parse().unwrap();
            loop {
                sleep(ms(150)).await;
                network.pause(addr);
                sleep(ms(400)).await;
                network.resume(addr);
            }
        })
        .await;
    }
}

async fn response_that_arrived_during_a_pause_completes_its_call(wire: Wire) {
    for seed in wire.seeds(20) {
        // Longer than the timeout, so that the deadline passes too.
        for pause in [ms(100), ms(6_000), ms(70_000)] {
            let path = Path::new(wire, seed, Conditions::default().latency(ms(20)));
            path.pair.open_link().await;
            let call = tokio::spawn(path.client.repeat(7, b""));
            sleep(ms(30)).await;
            tokio::time::advance(pause).await;
            let result = call.await.unwrap();
            assert_eq!(result.unwrap_or_else(|error| panic!("seed {seed}, {pause:?}: {error}")), 7);
        }
    }
}
