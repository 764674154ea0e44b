//! Calls that wait for a peer that is not ready: not started, restarting or busy.

use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Builder, Call, CallError, Client, Endpoint, Refusal, rpc_service};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::fixture::{RunsByNumber, WorkClient, WorkServer};
use crate::support::{CALLER, SERVER, Wire, ms, over_each_wire, seeds};

over_each_wire!(
    client_that_starts_two_seconds_before_its_server_succeeds,
    client_that_waits_calls_through_a_restart,
    client_that_waits_outlasts_a_busy_server,
);

/// The methods of `Work`, with the option in the contract.
#[rpc_service]
trait Patient {
    #[rpc(at_least_once, wait_for_ready)]
    fn repeat(&self, number: u64, payload: &[u8]) -> u64;
    #[rpc(at_most_once, wait_for_ready)]
    fn once(&self, number: u64, payload: &[u8]) -> u64;
}

const TIMEOUT: Duration = Duration::from_secs(5);

/// A network on which a caller learns that a port is closed.
fn network(seed: u64) -> Network {
    let network = Network::new(seed);
    network.set_conditions(Conditions::default().latency(ms(10)).jitter(ms(10)));
    network.return_undeliverable(true);
    network
}

fn serve(wire: Wire, network: &Network, runs: &RunsByNumber) -> Endpoint {
    wire.bind(network, SERVER, Endpoint::builder().serve(WorkServer::new(runs.clone())))
}

fn client<C: Client>(wire: Wire, network: &Network, builder: Builder) -> C {
    wire.client(&wire.bind(network, CALLER, builder), SERVER.parse().unwrap())
}

/// The places to say that calls wait.
#[derive(Clone, Copy, Debug)]
enum Place {
    Call,
    Builder,
    Contract,
}

/// Returns functions that make calls of both promises, which wait if this place says so.
fn calls(wire: Wire, network: &Network, place: Place) -> impl Fn(u64) -> Call<u64> {
    let builder = Endpoint::builder().timeout(TIMEOUT).wait_for_ready(matches!(place, Place::Builder));
    let endpoint = wire.bind(network, CALLER, builder);
    let work: WorkClient = wire.client(&endpoint, SERVER.parse().unwrap());
    let patient: PatientClient = wire.client(&endpoint, SERVER.parse().unwrap());
    move |number| {
        let call = match (place, number % 2) {
            (Place::Contract, 0) => patient.repeat(number, b"").without_delivery(),
            (Place::Contract, _) => patient.once(number, b""),
            (_, 0) => work.repeat(number, b"").without_delivery(),
            _ => work.once(number, b""),
        };
        let call = call.timeout(TIMEOUT);
        if matches!(place, Place::Call) { call.wait_for_ready() } else { call }
    }
}

async fn client_that_starts_two_seconds_before_its_server_succeeds(wire: Wire) {
    for seed in wire.seeds(20) {
        for place in [Place::Call, Place::Builder, Place::Contract] {
            for reports_closed_port in [true, false] {
                let (network, runs) = (network(seed), RunsByNumber::default());
                network.return_undeliverable(reports_closed_port);
                let call = calls(wire, &network, place);
                let mut pending = JoinSet::new();
                (0..20).for_each(|number| drop(pending.spawn(call(number))));
                sleep(Duration::from_secs(2)).await;
                let _server = serve(wire, &network, &runs);
                while let Some(result) = pending.join_next().await {
                    result.unwrap().unwrap_or_else(|error| panic!("{place:?}, seed {seed}: {error:?}"));
                }
                assert!((0..20).all(|number| runs.of(number) == 1), "{place:?}, seed {seed}: {runs:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn call_to_a_server_that_has_not_started_fails_at_once_by_default() {
    for seed in seeds(20) {
        let client: WorkClient = client(Wire::Plain, &network(seed), Endpoint::builder());
        for call in [client.repeat(1, b"").without_delivery(), client.once(2, b"")] {
            let start = Instant::now();
            let error = call.await.unwrap_err();
            assert!(matches!(error, CallError::Unreachable { .. }), "seed {seed}: {error:?}");
            assert!(start.elapsed() <= ms(40), "seed {seed}: {:?}", start.elapsed());
        }
    }
}

/// Restarts the server after a second, with a grace period of a second and half a second of
/// downtime. Returns the result of each call with the time that it took.
async fn call_through_a_restart(
    wire: Wire,
    network: &Network,
    runs: &RunsByNumber,
    call: impl Fn(u64) -> Call<u64>,
) -> Vec<(u64, Duration, Result<u64, CallError>)> {
    let (restarted_network, restarted_runs) = (network.clone(), runs.clone());
    let server = serve(wire, network, runs);
    let restart = tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        server.close(Duration::from_secs(1)).await;
        drop(server);
        sleep(ms(500)).await;
        serve(wire, &restarted_network, &restarted_runs)
    });
    let mut pending = JoinSet::new();
    for number in 0..200 {
        let call = call(number);
        pending.spawn(async move {
            let start = Instant::now();
            let result = call.await;
            (number, start.elapsed(), result)
        });
        sleep(ms(20)).await;
    }
    let results = pending.join_all().await;
    drop(restart.await.unwrap());
    results
}

async fn client_that_waits_calls_through_a_restart(wire: Wire) {
    for seed in wire.seeds(20) {
        for place in [Place::Call, Place::Builder, Place::Contract] {
            let (network, runs) = (network(seed), RunsByNumber::default());
            for (number, _, result) in call_through_a_restart(wire, &network, &runs, calls(wire, &network, place)).await
            {
                result.unwrap_or_else(|error| panic!("{place:?}, seed {seed}: call {number}: {error:?}"));
                // Without loss, a call that is sent to both servers ran at the second only.
                assert_eq!(runs.of(number), 1, "{place:?}, seed {seed}: call {number}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_during_a_restart_fail_at_once_with_the_reason_by_default() {
    for seed in seeds(20) {
        let (network, runs) = (network(seed), RunsByNumber::default());
        let client: WorkClient = client(Wire::Plain, &network, Endpoint::builder());
        let call = |number| {
            if number % 2 == 0 { client.repeat(number, b"").without_delivery() } else { client.once(number, b"") }
        };
        let mut failure_count = 0;
        for (number, time, result) in call_through_a_restart(Wire::Plain, &network, &runs, call).await {
            let Err(error) = result else { continue };
            failure_count += 1;
            let is_reason =
                matches!(error, CallError::Unreachable { .. } | CallError::Refused { reason: Refusal::Closing, .. });
            assert!(is_reason, "seed {seed}: call {number}: {error:?}");
            // A request that is on its way when the port closes is lost. Its copy follows within
            // three round trips and 50 ms.
            assert!(time <= ms(4 * 40 + 50), "seed {seed}: call {number}: {time:?}");
        }
        assert!(failure_count > 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn call_that_waited_in_vain_ends_with_the_last_reason() {
    for seed in seeds(20) {
        let client: WorkClient = client(Wire::Plain, &network(seed), Endpoint::builder());
        let start = Instant::now();
        let error = client.repeat(7, b"").timeout(TIMEOUT).wait_for_ready().await.unwrap_err();
        assert_eq!(start.elapsed(), TIMEOUT, "seed {seed}");
        assert!(matches!(error, CallError::Unreachable { .. }), "seed {seed}: {error:?}");
    }
}

async fn client_that_waits_outlasts_a_busy_server(wire: Wire) {
    for seed in wire.seeds(20) {
        let (network, runs) = (network(seed), RunsByNumber::default());
        let server = Endpoint::builder().serve(WorkServer::new(runs.clone())).max_handlers(2);
        let _server = wire.bind(&network, SERVER, server);
        let client: WorkClient = client(wire, &network, Endpoint::builder().wait_for_ready(true));
        let mut pending = JoinSet::new();
        for number in 0..10 {
            pending.spawn(if number % 2 == 0 {
                client.repeat_slowly(number, 200).without_delivery()
            } else {
                client.once_slowly(number, 200)
            });
        }
        while let Some(result) = pending.join_next().await {
            result.unwrap().unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        }
        assert!((0..10).all(|number| runs.of(number) == 1), "seed {seed}: {runs:?}");
    }
}
