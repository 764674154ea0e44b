//! Answers that come, that do not, and that should not.

use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::transport::Transport;
use rpcudp::{CallError, Dialect, DropReason, Endpoint};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::fixture::*;
use crate::support::{CALLER, Pair, bind, loopback_pair, ms, receive, send};

#[tokio::test(start_paused = true)]
async fn silence_ends_with_the_timeout_and_not_before() {
    let pair = pair();
    let start = Instant::now();
    let error = pair.client().never().await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_secs(5), "what Python waits");
    assert_eq!(error.to_string(), "`never`: no response from 10.0.0.1:7000 within 5s");
    assert!(error.is_timeout());

    let start = Instant::now();
    pair.client().impatient().await.unwrap_err();
    assert_eq!(start.elapsed(), ms(200), "what the contract says");

    let start = Instant::now();
    pair.client().impatient().timeout(ms(300)).await.unwrap_err();
    assert_eq!(start.elapsed(), ms(300), "what the call says");
    assert_eq!(pair.caller.stats().calls.timed_out, 3);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_may_be_nothing_or_all_the_time_there_is() {
    let pair = pair();
    assert!(pair.client().never().timeout(Duration::ZERO).await.unwrap_err().is_timeout());
    assert_eq!(pair.client().echo(b"x").timeout(Duration::MAX).await.unwrap(), b"x");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_has_a_timeout_of_its_own() {
    let pair = pair_with(|builder| builder.timeout(Duration::from_secs(1)));
    let start = Instant::now();
    pair.client().never().await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test]
async fn a_closed_port_ends_the_call_and_no_other() {
    // The operating system's own loopback: what the simulated network does is modelled on it.
    let (server, caller) = loopback_pair(EndingsServer::new(Service)).await;
    let gone = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let closed = gone.local_addr();
    gone.close(Duration::ZERO).await;
    let client = EndingsClient::new(&caller, server.local_addr());
    for number in 0..100_u8 {
        let (healthy, hopeless) = tokio::join!(client.echo(&[number]), client.with_peer(closed).echo(&[number]));
        assert_eq!(healthy.unwrap(), [number]);
        let error = hopeless.unwrap_err();
        if cfg!(target_os = "linux") {
            assert!(matches!(error, CallError::Unreachable { method: "echo", peer } if peer == closed), "{error}");
        }
    }
    if cfg!(target_os = "linux") {
        let stats = caller.stats();
        assert_eq!((stats.calls.unreachable, stats.datagrams.unreachable), (100, 100));
    }
}

#[tokio::test]
async fn a_crowd_of_hopeless_calls_costs_no_other_call_its_answer() {
    let (server, caller) = loopback_pair(EndingsServer::new(Service)).await;
    // No system gives these out, so that no other test gets one meanwhile.
    let closed = [1, 2, 3, 4].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let healthy = EndingsClient::new(&caller, server.local_addr());
    let mut tasks = JoinSet::new();
    for number in 0..32_u8 {
        let (healthy, hopeless) = (healthy.clone(), healthy.with_peer(closed[usize::from(number) % closed.len()]));
        // Each is sent once: what is lost is missed.
        tasks.spawn(async move {
            for _ in 0..30 {
                assert_eq!(healthy.echo(&[number]).await.unwrap(), [number]);
            }
        });
        tasks.spawn(async move {
            for _ in 0..30 {
                let error = hopeless.echo(&[number]).await.unwrap_err();
                if cfg!(target_os = "linux") {
                    assert!(matches!(error, CallError::Unreachable { .. }), "{error}");
                } else {
                    // One timeout is enough to see that the others are answered meanwhile.
                    break;
                }
            }
        });
    }
    tasks.join_all().await;
    let stats = caller.stats();
    assert_eq!((stats.calls.completed, stats.calls.in_flight), (32 * 30, 0));
    if cfg!(target_os = "linux") {
        assert_eq!((stats.calls.unreachable, stats.calls.timed_out), (32 * 30, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_gone_ends_the_call_within_a_round_trip() {
    let pair = pair();
    pair.network.set_conditions(Conditions::default().latency(ms(20)));
    pair.network.return_undeliverable(true);
    let nobody = pair.client().with_peer("10.0.0.99:7000".parse().unwrap());
    let start = Instant::now();
    let error = nobody.echo(b"x").await.unwrap_err();
    assert_eq!(start.elapsed(), ms(40));
    assert_eq!(error.to_string(), "`echo`: 10.0.0.99:7000 is unreachable");
    pair.is_alive().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_type_names_the_type() {
    let pair = pair();
    let error = pair.misunderstood().text(b"\xff").await.unwrap_err();
    let CallError::Decode { ref source, .. } = error else { panic!("{error}") };
    assert_eq!(source.type_name(), "alloc::string::String");
    assert!(error.to_string().contains("the response of 10.0.0.1:7000 to `echo` is not a `alloc::string::String`"));
    assert_eq!(pair.caller.stats().calls.undecodable, 1);
}

#[tokio::test(start_paused = true)]
async fn closing_ends_calls_with_an_error_of_its_own() {
    let pair = pair();
    let waiting = tokio::spawn(pair.client().never());
    tokio::task::yield_now().await;
    pair.caller.close(Duration::ZERO).await;
    assert!(matches!(waiting.await.unwrap(), Err(CallError::Closed)));
    assert!(matches!(pair.client().echo(b"x").await, Err(CallError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_of_the_other_dialect_is_counted() {
    let server = Endpoint::builder().serve(EndingsServer::new(Service));
    let pair = Pair::new(Network::new(1), server, Endpoint::builder().dialect(Dialect::Storj));
    let error = pair.client::<EndingsClient>().echo(b"x").await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(pair.server.stats().dropped(DropReason::OtherDialect), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_leaves_nothing_behind() {
    let pair = pair_with(|builder| builder.max_calls(1));
    for _ in 0..100 {
        let call = pair.client().never();
        assert!(timeout(ms(10), call).await.is_err());
    }
    // The one slot is free again.
    pair.is_alive().await;
    // A call that was never polled has sent nothing.
    let sent = pair.network.stats().sent;
    drop(pair.client().echo(b"x"));
    assert_eq!(pair.network.stats().sent, sent);
    let calls = pair.caller.stats().calls;
    assert_eq!((calls.started, calls.completed, calls.cancelled, calls.in_flight), (101, 1, 100, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_late_is_dropped_and_counted() {
    let pair = pair();
    pair.network.set_conditions(Conditions::default().latency(ms(100)));
    let error = pair.client().echo(b"x").timeout(ms(150)).await.unwrap_err();
    assert!(error.is_timeout());
    tokio::time::sleep(ms(100)).await;
    assert_eq!(pair.caller.stats().dropped(DropReason::UnmatchedResponse), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_twice_is_taken_once() {
    let pair = pair();
    pair.network.set_conditions(Conditions::default().duplication(1.0));
    assert_eq!(pair.client().echo(b"x").await.unwrap(), b"x");
    tokio::time::sleep(ms(100)).await;
    // The request arrived twice and each was answered twice.
    assert_eq!(pair.caller.stats().dropped(DropReason::UnmatchedResponse), 3);
}

/// Answers a request from an address that was not asked.
async fn answer_from_elsewhere(any_source: bool) -> (Result<Vec<u8>, CallError>, Endpoint) {
    let network = Network::new(1);
    let asked = network.bind("10.0.0.1:7000").unwrap();
    let other = network.bind("10.0.0.9:7000").unwrap();
    let caller = bind(&network, CALLER, Endpoint::builder().any_source(any_source));
    let call = tokio::spawn(EndingsClient::new(&caller, asked.local_addr()).echo(b"x"));
    let request = receive(&asked).await.remove(0);
    send(&other, caller.local_addr(), &[b"\x01", &request[1..21], b"\xc4\x01x"].concat());
    (call.await.unwrap(), caller)
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_elsewhere_is_dropped_and_counted() {
    let (result, caller) = answer_from_elsewhere(false).await;
    assert!(result.unwrap_err().is_timeout());
    assert_eq!(caller.stats().dropped(DropReason::WrongSource), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_elsewhere_counts_where_any_source_does() {
    let (result, caller) = answer_from_elsewhere(true).await;
    assert_eq!(result.unwrap(), b"x");
    assert_eq!(caller.stats().dropped_in_all(), 0);
}
