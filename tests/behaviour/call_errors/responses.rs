//! Responses that are missing, late, duplicated, undecodable or from another source.

use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::transport::Transport;
use rpcudp::{CallError, Dialect, DidRun, DropReason, Endpoint};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::fixture::*;
use crate::support::{CALLER, Pair, bind, loopback_pair, ms, receive, send};

#[tokio::test(start_paused = true)]
async fn call_without_response_fails_exactly_at_its_timeout() {
    let pair = pair();
    let start = Instant::now();
    let error = pair.client().never().await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_secs(5), "the default, as in Python");
    assert_eq!(error.to_string(), "`never`: no response from 10.0.0.1:7000 within 5s");
    assert!(error.is_timeout());

    let start = Instant::now();
    pair.client().short_timeout().await.unwrap_err();
    assert_eq!(start.elapsed(), ms(200), "the contract's timeout");

    let start = Instant::now();
    pair.client().short_timeout().timeout(ms(300)).await.unwrap_err();
    assert_eq!(start.elapsed(), ms(300), "the call's timeout");
    assert_eq!(pair.caller.stats().calls.timed_out, 3);
}

#[tokio::test(start_paused = true)]
async fn timeout_can_be_zero_or_duration_max() {
    let pair = pair();
    assert!(pair.client().never().timeout(Duration::ZERO).await.unwrap_err().is_timeout());
    assert_eq!(pair.client().echo(b"x").timeout(Duration::MAX).await.unwrap(), b"x");
}

#[tokio::test(start_paused = true)]
async fn endpoint_sets_the_default_timeout() {
    let pair = pair_with(|builder| builder.timeout(Duration::from_secs(1)));
    let start = Instant::now();
    pair.client().never().await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test]
async fn closed_port_fails_only_its_own_call() {
    // On the loopback interface of the operating system, on which the simulated network is
    // modelled.
    let (server, caller) = loopback_pair(FailingServer::new(Service)).await;
    // The kernel never assigns this port, so no other test can bind it meanwhile.
    let closed = SocketAddr::from(([127, 0, 0, 1], 5));
    let client = FailingClient::new(&caller, server.local_addr());
    for number in 0..100_u8 {
        let (response, failure) = tokio::join!(client.echo(&[number]), client.with_peer(closed).echo(&[number]));
        assert_eq!(response.unwrap(), [number]);
        let error = failure.unwrap_err();
        if cfg!(target_os = "linux") {
            assert!(
                matches!(error, CallError::Unreachable { method: "echo", peer, did_run: DidRun::No } if peer == closed),
                "{error}"
            );
        }
    }
    if cfg!(target_os = "linux") {
        let stats = caller.stats();
        assert_eq!((stats.calls.unreachable, stats.datagrams.unreachable), (100, 100));
    }
}

/// The kernel reports requests that left in one segmented send together, because nothing on the
/// loopback interface splits them.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn all_calls_that_one_report_quotes_are_unreachable() {
    let caller = Endpoint::bind("0.0.0.0:0").await.unwrap();
    // The kernel never assigns this port, so no other test can bind it meanwhile.
    let client = FailingClient::new(&caller, ([127, 0, 0, 1], 6).into());
    for count in 1..=8 {
        let mut tasks = JoinSet::new();
        for number in 0..count {
            let client = client.clone();
            tasks.spawn(async move { client.echo(&[number]).await });
        }
        while let Some(result) = tasks.join_next().await {
            let error = result.unwrap().unwrap_err();
            assert!(matches!(error, CallError::Unreachable { did_run: DidRun::No, .. }), "of {count}: {error}");
        }
    }
}

#[tokio::test]
async fn calls_to_closed_ports_lose_no_response_of_other_calls() {
    let (server, caller) = loopback_pair(FailingServer::new(Service)).await;
    // The kernel never assigns these ports, so no other test can bind them meanwhile.
    let closed = [1, 2, 3, 4].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let client = FailingClient::new(&caller, server.local_addr());
    let mut tasks = JoinSet::new();
    for number in 0..32_u8 {
        let (open, unreachable) = (client.clone(), client.with_peer(closed[usize::from(number) % closed.len()]));
        // Each request is sent once, so a lost response would fail the call.
        tasks.spawn(async move {
            for _ in 0..30 {
                assert_eq!(open.echo(&[number]).await.unwrap(), [number]);
            }
        });
        tasks.spawn(async move {
            for _ in 0..30 {
                let error = unreachable.echo(&[number]).await.unwrap_err();
                if cfg!(target_os = "linux") {
                    assert!(matches!(error, CallError::Unreachable { .. }), "{error}");
                } else {
                    // One timeout is long enough for all the other calls.
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

/// A report about requests that left together quotes only the first of them, and yet each call
/// ends at once.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn calls_to_closed_ports_are_unreachable_however_many_leave_together() {
    for (len, port_count) in [10, 100, 300, 600, 1_100].into_iter().flat_map(|len| [(len, 1), (len, 3)]) {
        let (server, caller) = loopback_pair(FailingServer::new(Service)).await;
        // The kernel never assigns these ports, so no other test can bind them meanwhile.
        let closed: Vec<_> = (1..=port_count).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect();
        let client = FailingClient::new(&caller, server.local_addr());
        let mut tasks = JoinSet::new();
        for number in 0..120_usize {
            let (open, unreachable) = (client.clone(), client.with_peer(closed[number % closed.len()]));
            tasks.spawn(async move {
                if port_count > 1 && number % 4 == 0 {
                    assert_eq!(open.echo(&vec![7; len]).await.unwrap(), vec![7; len]);
                }
                let error = unreachable.echo(&vec![7; len]).await.unwrap_err();
                assert!(matches!(error, CallError::Unreachable { .. }), "{len}: {error}");
            });
        }
        tasks.join_all().await;
    }
}

#[tokio::test(start_paused = true)]
async fn unreachable_peer_fails_the_call_within_a_round_trip() {
    let pair = pair();
    pair.network.set_conditions(Conditions::default().latency(ms(20)));
    pair.network.return_undeliverable(true);
    let unreachable = pair.client().with_peer("10.0.0.99:7000".parse().unwrap());
    let start = Instant::now();
    let error = unreachable.echo(b"x").await.unwrap_err();
    assert_eq!(start.elapsed(), ms(40));
    assert_eq!(error.to_string(), "`echo`: 10.0.0.99:7000 is unreachable");
    pair.assert_alive().await;
}

#[tokio::test(start_paused = true)]
async fn undecodable_response_names_the_expected_type() {
    let pair = pair();
    let error = pair.mismatched_client().text(b"\xff").await.unwrap_err();
    let CallError::Decode { ref source, .. } = error else { panic!("{error}") };
    assert_eq!(source.type_name(), "alloc::string::String");
    assert!(error.to_string().contains("the response of 10.0.0.1:7000 to `echo` is not a `alloc::string::String`"));
    assert_eq!(pair.caller.stats().calls.undecodable, 1);
}

#[tokio::test(start_paused = true)]
async fn closing_fails_calls_with_closed() {
    let pair = pair();
    let pending = tokio::spawn(pair.client().never());
    tokio::task::yield_now().await;
    pair.caller.close(Duration::ZERO).await;
    assert!(matches!(pending.await.unwrap(), Err(CallError::Closed)));
    assert!(matches!(pair.client().echo(b"x").await, Err(CallError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn server_drops_and_counts_requests_in_the_other_dialect() {
    let server = Endpoint::builder().serve(FailingServer::new(Service));
    let pair = Pair::new(Network::new(1), server, Endpoint::builder().dialect(Dialect::Storj));
    let error = pair.client::<FailingClient>().echo(b"x").await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(pair.server.stats().dropped(DropReason::OtherDialect), 1);
}

#[tokio::test(start_paused = true)]
async fn dropped_call_frees_its_slot_and_unpolled_call_sends_nothing() {
    let pair = pair_with(|builder| builder.max_calls(1));
    for _ in 0..100 {
        let call = pair.client().never();
        assert!(timeout(ms(10), call).await.is_err());
    }
    // The only slot is free again.
    pair.assert_alive().await;
    // A call that was never polled has sent nothing.
    let sent = pair.network.stats().sent;
    drop(pair.client().echo(b"x"));
    assert_eq!(pair.network.stats().sent, sent);
    let calls = pair.caller.stats().calls;
    assert_eq!((calls.started, calls.completed, calls.cancelled, calls.in_flight), (101, 1, 100, 0));
}

#[tokio::test(start_paused = true)]
async fn late_response_is_dropped_and_counted() {
    let pair = pair();
    pair.network.set_conditions(Conditions::default().latency(ms(100)));
    let error = pair.client().echo(b"x").timeout(ms(150)).await.unwrap_err();
    assert!(error.is_timeout());
    tokio::time::sleep(ms(100)).await;
    assert_eq!(pair.caller.stats().dropped(DropReason::UnmatchedResponse), 1);
}

#[tokio::test(start_paused = true)]
async fn duplicate_responses_are_dropped_and_counted() {
    let pair = pair();
    pair.network.set_conditions(Conditions::default().duplication(1.0));
    assert_eq!(pair.client().echo(b"x").await.unwrap(), b"x");
    tokio::time::sleep(ms(100)).await;
    // The request arrived twice, and each of its two responses arrived twice.
    assert_eq!(pair.caller.stats().dropped(DropReason::UnmatchedResponse), 3);
}

/// Responds to a call from another address than the one that was called.
async fn respond_from_another_source(any_source: bool) -> (Result<Vec<u8>, CallError>, Endpoint) {
    let network = Network::new(1);
    let peer = network.bind("10.0.0.1:7000").unwrap();
    let other = network.bind("10.0.0.9:7000").unwrap();
    let caller = bind(&network, CALLER, Endpoint::builder().any_source(any_source));
    let call = tokio::spawn(FailingClient::new(&caller, peer.local_addr()).echo(b"x"));
    let request = receive(&peer).await.remove(0);
    send(&other, caller.local_addr(), &[b"\x01", &request[1..21], b"\xc4\x01x"].concat());
    (call.await.unwrap(), caller)
}

#[tokio::test(start_paused = true)]
async fn response_from_another_source_is_dropped_and_counted() {
    let (result, caller) = respond_from_another_source(false).await;
    assert!(result.unwrap_err().is_timeout());
    assert_eq!(caller.stats().dropped(DropReason::WrongSource), 1);
}

#[tokio::test(start_paused = true)]
async fn any_source_accepts_a_response_from_another_source() {
    let (result, caller) = respond_from_another_source(true).await;
    assert_eq!(result.unwrap(), b"x");
    assert_eq!(caller.stats().dropped_in_all(), 0);
}
