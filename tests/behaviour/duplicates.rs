//! Duplicates of requests: which of them run, and what their senders are told.

use std::time::Duration;

use rpcudp::sim::{Conditions, Network, Node};
use rpcudp::{Builder, Call, CallError, Context, DropReason, Endpoint, Limits, MessageId, Refusal, rpc_service};
use rpcudp_core::{Dialect, FailureCode, Frame, Request};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::{Pair, Runs, SERVER, Wire, bind, ms, over_each_wire, receive, request, send};

over_each_wire!(
    slow_method_runs_once_per_call_without_loss,
    closing_server_lets_running_calls_finish,
    full_server_does_not_refuse_duplicates_of_running_calls,
    refused_at_most_once_call_did_not_run_and_never_will,
    memory_is_free_a_minute_after_the_last_request,
);

#[rpc_service]
trait Bank {
    #[rpc(at_most_once)]
    fn at_most(&self, cx: &Context, number: u64) -> u64;
    #[rpc(at_most_once, timeout = "20s")]
    async fn at_most_slowly(&self, cx: &Context, millis: u64) -> u64;
    #[rpc(at_least_once, timeout = "20s")]
    async fn at_least_slowly(&self, cx: &Context, millis: u64) -> u64;
    #[rpc(at_least_once)]
    fn quick(&self) -> u8;
    fn padded(&self) -> Vec<u8>;
}

impl Bank for Runs {
    fn at_most(&self, cx: &Context, number: u64) -> u64 {
        self.record(cx);
        number
    }
    async fn at_most_slowly(&self, cx: &Context, millis: u64) -> u64 {
        self.record(cx);
        sleep(ms(millis)).await;
        millis
    }
    async fn at_least_slowly(&self, cx: &Context, millis: u64) -> u64 {
        self.record(cx);
        sleep(ms(millis)).await;
        millis
    }
    fn quick(&self) -> u8 {
        1
    }
    fn padded(&self) -> Vec<u8> {
        vec![7; 1_000]
    }
}

fn pair_with(wire: Wire, seed: u64, configure: impl FnOnce(Builder) -> Builder) -> (Pair, BankClient, Runs) {
    let runs = Runs::default();
    let server = configure(Endpoint::builder().serve(BankServer::new(runs.clone())));
    let pair = Pair::over(wire, Network::new(seed), server, Endpoint::builder());
    let client = pair.client();
    (pair, client, runs)
}

/// A server, and nodes that send datagrams from addresses of their own.
struct Raw {
    network: Network,
    server: Endpoint,
    runs: Runs,
}

impl Raw {
    fn new(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let network = Network::new(1);
        let runs = Runs::default();
        let server = bind(&network, SERVER, configure(Endpoint::builder().serve(BankServer::new(runs.clone()))));
        Self { network, server, runs }
    }

    fn node(&self, host: u8) -> Node {
        self.network.bind(std::net::SocketAddr::from(([192, 0, 2, host], 7_000))).unwrap()
    }

    /// Sends a datagram, and returns the response that arrives within 1 ms.
    async fn exchange(&self, from: &Node, datagram: &[u8]) -> Option<Vec<u8>> {
        send(from, self.server.local_addr(), datagram);
        receive(from).await.pop()
    }
}

/// A request as callers of this crate send it, with their remaining time.
fn with_remaining(mut datagram: Vec<u8>) -> Vec<u8> {
    Request::end(&mut datagram, Duration::from_secs(20));
    datagram
}

fn running(id: [u8; 20]) -> Vec<u8> {
    let mut frame = Vec::new();
    Frame::encode_running(&mut frame, MessageId::from_bytes(id));
    frame
}

async fn slow_method_runs_once_per_call_without_loss(wire: Wire) {
    for seconds in [1, 3] {
        let (pair, client, runs) = pair_with(wire, 1, |builder| builder);
        pair.network.set_conditions(Conditions::default().latency(ms(1)));
        let mut calls = JoinSet::new();
        for _ in 0..100 {
            calls.spawn(client.at_least_slowly(seconds * 1_000).into_future());
            // Quick calls beside them keep the measured round trip short.
            assert_eq!(client.quick().await.unwrap(), 1);
        }
        calls.join_all().await.into_iter().for_each(|result| assert_eq!(result.unwrap(), seconds * 1_000));
        assert_eq!(runs.counts(), [1; 100], "{seconds} s");
        let (server, caller) = (pair.server.stats(), pair.caller.stats());
        assert!(server.requests.running_sent > 0, "{server:?}");
        assert_eq!(server.requests.running_sent, server.dropped(DropReason::DuplicateRequest));
        assert_eq!(caller.calls.running_received, server.requests.running_sent);
        // A slow response is kept, because a duplicate may arrive after the handler has ended.
        assert!((100 * 200..100 * 1_000).contains(&server.requests.stored_bytes), "{server:?}");
        sleep(Duration::from_secs(61)).await;
        assert_eq!(pair.server.stats().requests.stored_bytes, 0, "for a minute");
    }
}

#[tokio::test(start_paused = true)]
async fn duplicate_of_a_running_request_is_answered_with_one_running_frame() {
    for method in ["at_most_slowly", "at_least_slowly"] {
        let raw = Raw::new(|builder| builder);
        let (caller, id) = (raw.node(1), [7; 20]);
        for datagram in [request(id, method, &[&500_u64]), with_remaining(request([8; 20], method, &[&500_u64]))] {
            let id: [u8; 20] = datagram[1..21].try_into().unwrap();
            assert_eq!(raw.exchange(&caller, &datagram).await, None, "{method}");
            for _ in 0..3 {
                assert_eq!(raw.exchange(&caller, &datagram).await, Some(running(id)), "{method}");
            }
            sleep(ms(600)).await;
            assert_eq!(receive(&caller).await.len(), 1, "{method}: one response");
        }
        assert_eq!(raw.runs.counts(), [1, 1]);
        assert_eq!(raw.server.stats().requests.running_sent, 6);
    }
}

#[tokio::test(start_paused = true)]
async fn storj_dialect_has_no_running_frames() {
    let raw = Raw::new(|builder| builder.dialect(Dialect::Storj));
    let caller = raw.node(1);
    let mut datagram = request([7; 20], "at_most_slowly", &[&500_u64]);
    datagram[0] = 2;
    for _ in 0..3 {
        assert_eq!(raw.exchange(&caller, &datagram).await, None);
    }
    sleep(ms(600)).await;
    assert_eq!((receive(&caller).await.len(), raw.runs.counts()), (1, vec![1]));
    assert_eq!(raw.server.stats().requests.running_sent, 0);
}

#[tokio::test(start_paused = true)]
async fn at_most_once_request_runs_once_when_its_sender_gets_another_address() {
    let raw = Raw::new(|builder| builder);
    let nodes = [1, 2, 3].map(|host| raw.node(host));
    let datagram = with_remaining(request([7; 20], "at_most", &[&7_u64]));
    let response = raw.exchange(&nodes[0], &datagram).await.unwrap();
    for node in &nodes[1..] {
        assert_eq!(
            raw.exchange(node, &datagram).await.as_ref(),
            Some(&response),
            "the response goes to the new address"
        );
    }
    assert_eq!(raw.runs.counts(), [1]);
    assert_eq!(raw.server.stats().requests.replayed, 2);
}

#[tokio::test(start_paused = true)]
async fn response_goes_to_the_address_of_the_last_duplicate() {
    for method in ["at_most_slowly", "at_least_slowly"] {
        let raw = Raw::new(|builder| builder);
        let [old, new] = [1, 2].map(|host| raw.node(host));
        let datagram = with_remaining(request([7; 20], method, &[&500_u64]));
        assert_eq!(raw.exchange(&old, &datagram).await, None);
        assert_eq!(raw.exchange(&new, &datagram).await, Some(running([7; 20])));
        sleep(ms(600)).await;
        assert_eq!((receive(&old).await.len(), receive(&new).await.len()), (0, 1), "{method}");
        assert_eq!(raw.runs.counts(), [1]);
    }
}

#[tokio::test(start_paused = true)]
async fn sender_is_part_of_the_identity_of_a_request_without_a_remaining_time() {
    let raw = Raw::new(|builder| builder);
    // Both callers count their requests.
    let datagram = request([1; 20], "at_most", &[&7_u64]);
    let nodes = [1, 2].map(|host| raw.node(host));
    for node in &nodes {
        for _ in 0..3 {
            assert!(raw.exchange(node, &datagram).await.is_some());
        }
    }
    assert_eq!(raw.runs.counts(), [2], "once for each caller");
    let other_content = request([1; 20], "at_most", &[&8_u64]);
    assert_eq!(raw.exchange(&nodes[0], &other_content).await, None);
    assert_eq!(raw.server.stats().dropped(DropReason::DuplicateRequest), 1);
}

fn at_least_slowly(client: &BankClient, millis: u64) -> Call<u64> {
    client.at_least_slowly(millis).without_delivery()
}

/// A server that closes must not tell a caller that its method did not run while it runs.
async fn closing_server_lets_running_calls_finish(wire: Wire) {
    for call in [BankClient::at_most_slowly, at_least_slowly] {
        let (pair, client, runs) = pair_with(wire, 1, |builder| builder);
        let slow = tokio::spawn(call(&client, 800));
        sleep(ms(50)).await;
        let closed = pair.server.close(Duration::from_secs(3));
        assert_eq!(slow.await.unwrap().unwrap(), 800);
        assert_eq!(runs.counts(), [1]);
        closed.await;
    }
}

#[tokio::test(start_paused = true)]
async fn closing_server_replays_responses() {
    let raw = Raw::new(|builder| builder);
    let caller = raw.node(1);
    // A handler keeps the server open.
    assert_eq!(raw.exchange(&caller, &request([1; 20], "at_most_slowly", &[&500_u64])).await, None);
    let datagram = with_remaining(request([7; 20], "at_most", &[&7_u64]));
    let response = raw.exchange(&caller, &datagram).await.unwrap();
    let closed = raw.server.close(Duration::from_secs(3));
    assert_eq!(raw.exchange(&caller, &datagram).await, Some(response));
    let never_seen = with_remaining(request([8; 20], "at_most", &[&8_u64]));
    for _ in 0..2 {
        let refused = raw.exchange(&caller, &never_seen).await.unwrap();
        assert!(
            matches!(Frame::decode(&refused, Dialect::Rpcudp), Ok(Frame::Failure(failure)) if failure.code == FailureCode::CLOSING)
        );
    }
    assert_eq!(raw.runs.counts(), [1, 1]);
    closed.await;
}

async fn full_server_does_not_refuse_duplicates_of_running_calls(wire: Wire) {
    for call in [BankClient::at_most_slowly, at_least_slowly] {
        let (pair, client, runs) = pair_with(wire, 1, |builder| builder.max_handlers(2));
        let slow = [800, 900].map(|millis| tokio::spawn(call(&client, millis)));
        sleep(ms(50)).await;
        let refused = call(&client, 1).await;
        assert!(matches!(refused, Err(CallError::Refused { reason: Refusal::Busy, .. })), "{refused:?}");
        for slow in slow {
            slow.await.unwrap().unwrap();
        }
        assert_eq!(runs.counts(), [1, 1]);
        assert_eq!(pair.server.stats().requests.refused, 1);
    }
}

/// Servers close, and fill up, during retransmitted calls on a bad network: a caller that is told
/// that its at-most-once method did not run can rely on it.
async fn refused_at_most_once_call_did_not_run_and_never_will(wire: Wire) {
    let (mut closing_count, mut busy_count) = (0, 0);
    for seed in wire.seeds(100) {
        let (pair, client, runs) = pair_with(wire, seed, |builder| builder.max_handlers(4));
        let bad = Conditions::default().loss(0.3).duplication(0.3).reordering(0.3);
        pair.network.set_conditions(bad.latency(ms(20)).jitter(ms(20)));
        let mut calls = JoinSet::new();
        for number in 0..20 {
            let call = client.at_most_slowly(200 + 50 * (number % 8)).timeout(Duration::from_secs(5));
            calls.spawn(call.into_future());
            sleep(ms(30)).await;
        }
        let closed = pair.server.close(Duration::from_secs(3));
        let results = calls.join_all().await;
        closed.await;
        let refused = |kind: fn(&Refusal) -> bool| {
            results
                .iter()
                .filter(|result| matches!(result, Err(CallError::Refused { reason, .. }) if kind(reason)))
                .count()
        };
        let (closing, busy) =
            (refused(|reason| *reason == Refusal::Closing), refused(|reason| *reason == Refusal::Busy));
        let run_counts = runs.counts();
        assert!(run_counts.iter().all(|count| *count == 1), "seed {seed}: {run_counts:?}");
        let ok_count = results.iter().filter(|result| result.is_ok()).count();
        let is_unknown = |error: &CallError| match error {
            CallError::Timeout { .. } | CallError::Unreachable { .. } => true,
            // The link has ended with the server.
            #[cfg(feature = "secure")]
            CallError::Link { .. } => wire == Wire::Link,
            _ => false,
        };
        let timed_out = results.iter().filter(|result| result.as_ref().is_err_and(is_unknown)).count();
        assert_eq!(ok_count + closing + busy + timed_out, 20, "seed {seed}: {results:?}");
        // Each call has a handler of its own, so a refused call that ran would show here.
        assert!(
            run_counts.len() <= ok_count + timed_out,
            "seed {seed}: {} ran, {ok_count} succeeded, {timed_out} have an unknown outcome",
            run_counts.len()
        );
        closing_count += closing;
        busy_count += busy;
    }
    assert!(closing_count > 0 && busy_count > 0, "{closing_count} and {busy_count} refusals");
}

async fn memory_is_free_a_minute_after_the_last_request(wire: Wire) {
    let (pair, client, _) = pair_with(wire, 1, |builder| builder);
    for number in 0..100 {
        client.at_most(number).await.unwrap();
    }
    let stored = pair.server.stats().requests.stored_bytes;
    assert!((20_000..100_000).contains(&stored), "{stored}");
    sleep(Duration::from_secs(61)).await;
    assert_eq!(pair.server.stats().requests.stored_bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_stored_for_malformed_and_unknown_requests() {
    let raw = Raw::new(|builder| builder);
    let caller = raw.node(1);
    for (number, datagram) in [
        request([1; 20], "at_most", &[&"text"]),
        request([2; 20], "at_most_slowly", &[&"text"]),
        request([3; 20], "at_least_slowly", &[&"text"]),
        request([4; 20], "no_such_method", &[]),
    ]
    .into_iter()
    .enumerate()
    {
        let refused = raw.exchange(&caller, &datagram).await;
        assert!(refused.is_some_and(|refused| refused[0] == 4), "{number}");
        assert_eq!(
            raw.exchange(&caller, &datagram).await.map(|refused| refused[0]),
            Some(4),
            "{number}: refused again"
        );
    }
    let stats = raw.server.stats();
    assert_eq!((stats.requests.stored_bytes, stats.requests.refused), (0, 8));
}

#[tokio::test(start_paused = true)]
async fn flood_of_one_source_makes_no_honest_request_run_again() {
    let raw = Raw::new(|builder| builder.response_memory(256 << 10, Duration::from_secs(60)));
    let (flooder, honest) = (raw.node(1), raw.node(2));
    let honest_request = |number: u64| with_remaining(request([number as u8; 20], "at_most", &[&number]));
    for number in 0..50 {
        assert!(raw.exchange(&honest, &honest_request(number)).await.is_some());
    }
    let mut flooded = [9; 20];
    for number in 0..10_000_u32 {
        flooded[..4].copy_from_slice(&number.to_be_bytes());
        send(&flooder, raw.server.local_addr(), &with_remaining(request(flooded, "at_most", &[&0_u64])));
        if number % 200 == 199 {
            receive(&flooder).await;
        }
    }
    for number in 0..50 {
        assert!(raw.exchange(&honest, &honest_request(number)).await.is_some());
    }
    let stats = raw.server.stats();
    assert!(stats.requests.evicted > 8_000, "{stats:?}");
    assert!(stats.requests.stored_bytes <= 256 << 10, "{stats:?}");
    assert_eq!(stats.requests.replayed, 50, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn withheld_responses_do_not_count_as_completed() {
    for (method, is_task) in [("padded", false), ("at_most", false), ("at_most_slowly", true)] {
        let limits = Limits::default().response_bytes_per_source(2_000);
        let raw = Raw::new(|builder| builder.limits(limits));
        let caller = raw.node(1);
        let mut received_count = 0;
        for number in 0..1_000_u32 {
            let mut id = [9; 20];
            id[..4].copy_from_slice(&number.to_be_bytes());
            let arguments: &[&dyn crate::support::Encode] = if method == "padded" { &[] } else { &[&0_u64] };
            send(&caller, raw.server.local_addr(), &request(id, method, arguments));
            if number % 50 == 49 {
                received_count += receive(&caller).await.len() as u64;
            }
        }
        sleep(ms(1)).await;
        received_count += receive(&caller).await.len() as u64;
        let stats = raw.server.stats();
        assert!(stats.dropped(DropReason::ResponseBudget) > 0, "{method}: {stats:?}");
        assert_eq!(stats.requests.completed, stats.datagrams.sent, "{method}, a task: {is_task}: {stats:?}");
        assert!(received_count <= stats.requests.completed, "{method}");
    }
}
