//! Errors that say that the method did not run.

use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, DidRun, Endpoint};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::fixture::{RunsByNumber, WorkClient, WorkServer};
use crate::support::{Pair, Wire, ms, over_each_wire};

over_each_wire!(
    closing_server_tells_no_caller_that_a_method_did_not_run_which_ran,
    busy_server_tells_no_caller_that_a_method_did_not_run_which_ran,
);

/// Makes slow calls of both kinds, and returns the number of refusals. Checks that a call whose
/// error says that the method did not run has not run.
async fn check_refusals(
    (wire, seed): (Wire, u64),
    conditions: &Conditions,
    max_handlers: usize,
    closes: bool,
) -> usize {
    let network = Network::new(seed);
    network.set_conditions(conditions.clone());
    let runs = RunsByNumber::default();
    let server = Endpoint::builder().serve(WorkServer::new(runs.clone())).max_handlers(max_handlers);
    let pair = Pair::over(wire, network, server, Endpoint::builder());
    let client: WorkClient = pair.client();
    let mut calls = JoinSet::new();
    for number in 0..40 {
        let millis = 40 * (number % 20);
        let call = match number % 2 {
            0 => client.repeat_slowly(number, millis).without_delivery(),
            _ => client.once_slowly(number, millis),
        };
        calls.spawn(async move { (number, call.timeout(Duration::from_secs(5)).await) });
        sleep(ms(15)).await;
        if closes && number == 20 {
            let server = pair.server.clone();
            tokio::spawn(async move { server.close(Duration::from_secs(3)).await });
        }
    }
    let mut refusal_count = 0;
    while let Some(ended) = calls.join_next().await {
        let (number, result) = ended.unwrap();
        let Err(error) = result else { continue };
        refusal_count += usize::from(matches!(error, CallError::Refused { .. }));
        let is_told_no = error.did_run() == DidRun::No;
        let run_count = runs.of(number);
        assert!(!is_told_no || run_count == 0, "seed {seed}: call {number} ran, and its caller got {error:?}");
    }
    refusal_count
}

fn all_conditions() -> [Conditions; 3] {
    let steady = Conditions::default().latency(ms(10));
    [steady.clone(), steady.clone().jitter(ms(60)).duplication(0.2), steady.loss(0.2)]
}

async fn closing_server_tells_no_caller_that_a_method_did_not_run_which_ran(wire: Wire) {
    let mut refusal_count = 0;
    for seed in wire.seeds(200) {
        for conditions in all_conditions() {
            refusal_count += check_refusals((wire, seed), &conditions, 1_024, true).await;
        }
    }
    assert!(refusal_count > 0, "no call was refused");
}

async fn busy_server_tells_no_caller_that_a_method_did_not_run_which_ran(wire: Wire) {
    let mut refusal_count = 0;
    for seed in wire.seeds(200) {
        for conditions in all_conditions() {
            refusal_count += check_refusals((wire, seed), &conditions, 4, false).await;
        }
    }
    assert!(refusal_count > 0, "no call was refused");
}
