use std::future::{Future, IntoFuture};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rpcudp::{CallError, Change, Endpoint, Peers};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::fixture::{Group, WorkClient, addr};
use crate::support::ms;

#[tokio::test(start_paused = true)]
async fn peers_come_and_go_with_the_changes_of_the_source() {
    let group = Group::new(1, 3);
    let (changes, receiver) = mpsc::channel(8);
    changes.send(Change::Insert(addr(0))).await.unwrap();
    let client = WorkClient::group(&group.caller, Peers::changes(receiver).named("a test"));
    assert_eq!(client.name().await.unwrap(), 0, "what the source has ready is known at once");
    changes.send(Change::Insert(addr(1))).await.unwrap();
    changes.send(Change::Remove(addr(0))).await.unwrap();
    sleep(ms(1)).await;
    for _ in 0..20 {
        assert_eq!(client.name().await.unwrap(), 1);
    }
    let slow = tokio::spawn(client.repeat_slowly(1, 100));
    sleep(ms(20)).await;
    changes.send(Change::Remove(addr(1))).await.unwrap();
    sleep(ms(1)).await;
    let error = client.name().await.unwrap_err();
    assert!(matches!(&error, CallError::NoPeers { source: None, .. }), "{error:?}");
    assert_eq!(error.to_string(), "`name`: the group has no peers (a test)");
    assert_eq!(slow.await.unwrap().unwrap(), 1, "a call in flight goes on");
    changes.send(Change::Insert(addr(2))).await.unwrap();
    sleep(ms(1)).await;
    drop(changes);
    sleep(ms(1)).await;
    assert_eq!(client.name().await.unwrap(), 2, "the peers stay when the source ends");
}

#[tokio::test(start_paused = true)]
async fn calls_follow_the_only_peer_of_a_group() {
    let group = Group::new(1, 3);
    let (changes, receiver) = mpsc::channel(8);
    let client = WorkClient::group(&group.caller, Peers::changes(receiver));
    for only in [0, 1, 2, 0, 0, 1] {
        changes.send(Change::Insert(addr(only))).await.unwrap();
        sleep(ms(1)).await;
        let clients = [client.clone(), client.clone()];
        for client in clients.iter().chain([&client]) {
            assert_eq!(client.name().await.unwrap(), only as u64);
            let runs = group.log.runs_at(only as u64);
            assert_eq!(client.maybe(runs).await.unwrap(), runs);
            assert_eq!(group.log.runs_at(only as u64), runs + 1, "a call that is sent once goes there too");
        }
        let peers = client.peers();
        let counts = peers.iter().map(|peer| (peer.addr, peer.in_flight, peer.requests));
        assert_eq!(counts.collect::<Vec<_>>(), [(addr(only), 0, 6)]);
        changes.send(Change::Remove(addr(only))).await.unwrap();
        sleep(ms(1)).await;
        assert!(matches!(client.name().await, Err(CallError::NoPeers { .. })));
        assert!(matches!(client.maybe(1).await, Err(CallError::NoPeers { .. })));
    }
}

/// A call that is sent once, to the only peer of a group, takes a path of its own.
#[tokio::test(start_paused = true)]
async fn a_group_of_one_counts_each_end_of_a_call_and_may_grow() {
    let mut group = Group::new(1, 2);
    let (changes, receiver) = mpsc::channel(8);
    changes.send(Change::Insert(addr(0))).await.unwrap();
    let client = WorkClient::group(&group.caller, Peers::changes(receiver));
    let counts = || {
        let peers = client.peers();
        peers.iter().map(|peer| (peer.requests, peer.in_flight, peer.unanswered)).collect::<Vec<_>>()
    };
    for number in 0..3 {
        assert_eq!(client.maybe(number).await.unwrap(), number);
    }
    client.tell(3).await.unwrap();
    assert_eq!(counts(), [(4, 0, 0)]);

    let slow = tokio::spawn(client.maybe_slowly(4, 1_000));
    let dropped = tokio::spawn(client.maybe_slowly(5, 1_000));
    sleep(ms(20)).await;
    assert_eq!(counts(), [(6, 2, 0)]);
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    assert_eq!(counts(), [(6, 1, 0)], "a dropped call is not in flight");
    let error = client.maybe_slowly(6, 1_000).timeout(ms(50)).await.unwrap_err();
    assert!(matches!(&error, CallError::Timeout { peer, .. } if *peer == addr(0)), "{error:?}");
    assert_eq!(counts(), [(7, 1, 1)]);
    assert_eq!(slow.await.unwrap().unwrap(), 4);

    group.kill(0).await;
    let error = client.maybe(7).await.unwrap_err();
    assert!(matches!(&error, CallError::Unreachable { peer, .. } if *peer == addr(0)), "{error:?}");
    assert_eq!(counts(), [(8, 0, 2)]);
    changes.send(Change::Insert(addr(1))).await.unwrap();
    sleep(ms(1)).await;
    assert!(matches!(client.maybe(8).await, Ok(8) | Err(CallError::Unreachable { .. })));
    for number in 9..20 {
        assert_eq!(client.maybe(number).await.unwrap(), number, "the dead peer is ejected or left");
    }
    assert_eq!(client.peers().iter().map(|peer| peer.in_flight).sum::<u64>(), 0);
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_the_first_news_of_a_source_only() {
    let group = Group::new(1, 1);
    let (changes, receiver) = mpsc::channel(8);
    let client = WorkClient::group(&group.caller, Peers::changes(receiver));
    let call = tokio::spawn(client.name());
    sleep(ms(700)).await;
    let start = Instant::now();
    changes.send(Change::Insert(addr(0))).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), 0);
    assert_eq!(start.elapsed(), ms(10));

    let (_changes, receiver) = mpsc::channel::<Change>(8);
    let silent = WorkClient::group(&group.caller, Peers::changes(receiver));
    let start = Instant::now();
    assert!(matches!(silent.name().await, Err(CallError::NoPeers { .. })));
    assert!(start.elapsed().abs_diff(Duration::from_secs(5)) <= ms(2), "{:?}", start.elapsed());

    let empty = WorkClient::group(&group.caller, Peers::fixed([]));
    let start = Instant::now();
    assert!(matches!(empty.name().await, Err(CallError::NoPeers { .. })));
    assert_eq!(start.elapsed(), Duration::ZERO);
    let stats = group.caller.stats();
    assert_eq!((stats.calls.started, stats.calls.in_flight), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_keeps_its_peers_and_names_the_reason() {
    let group = Group::new(1, 1);
    let (changes, receiver) = mpsc::channel(8);
    let client = WorkClient::group(&group.caller, Peers::changes(receiver).named("dns:work.example"));
    changes.send(Change::failed("the name does not resolve")).await.unwrap();
    let error = client.name().await.unwrap_err();
    assert_eq!(error.to_string(), "`name`: the group has no peers (dns:work.example): the name does not resolve");
    changes.send(Change::Insert(addr(0))).await.unwrap();
    sleep(ms(1)).await;
    sleep(Duration::from_secs(30)).await;
    changes.send(Change::failed("the resolver is down")).await.unwrap();
    sleep(ms(1)).await;
    assert_eq!(client.name().await.unwrap(), 0);
    assert!(client.peers()[0].age >= Duration::from_secs(30));
    changes.send(Change::Insert(addr(0))).await.unwrap();
    sleep(ms(1)).await;
    assert!(client.peers()[0].age < Duration::from_secs(1));
    assert_eq!(client.peers().len(), 1, "a peer that is named again stays one peer");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_ready_waits_for_a_peer() {
    let group = Group::new(1, 1);
    let (changes, receiver) = mpsc::channel(8);
    changes.send(Change::failed("nobody is there")).await.unwrap();
    let client = WorkClient::group(&group.caller, Peers::changes(receiver));
    let call = tokio::spawn(client.once(1).wait_for_ready());
    let dropped = timeout(ms(50), client.once(2).wait_for_ready().into_future()).await;
    assert!(dropped.is_err());
    sleep(ms(2_000)).await;
    changes.send(Change::Insert(addr(0))).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), 1);
    assert_eq!(group.log.runs_of(2), 0);
}

#[tokio::test(start_paused = true)]
async fn the_task_of_a_source_ends_with_its_group() {
    let group = Group::new(1, 1);
    let (changes, receiver) = mpsc::channel(8);
    let client = WorkClient::group(&group.caller, Peers::changes(receiver));
    let other = client.clone();
    drop(client);
    sleep(ms(1)).await;
    assert!(!changes.is_closed());
    drop(other);
    sleep(ms(1)).await;
    assert!(changes.is_closed());
}

#[tokio::test(start_paused = true)]
async fn addresses_that_no_peer_has_are_left_out() {
    let group = Group::new(1, 1);
    let odd = ["0.0.0.0:7000", "10.0.1.1:0", "224.0.0.1:7000", "[::]:7000", "[ff02::1]:7000"];
    let odd = odd.map(|addr| addr.parse().unwrap());
    let client = WorkClient::group(&group.caller, Peers::fixed(odd.into_iter().chain([addr(0), addr(0)])));
    let peers: Vec<_> = client.peers().iter().map(|peer| peer.addr).collect();
    assert_eq!(peers, [addr(0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_first_call_to_all_finds_all_peers_that_the_source_reports_together() {
    let endpoint = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let (begin, began) = oneshot::channel::<()>();
    let (mut began, mut ports) = (Box::pin(began), 1..=10);
    let source = move |cx: &mut Context<'_>| {
        if ports.clone().count() == 10 {
            ready!(began.as_mut().poll(cx)).expect("the test begins");
        }
        // Long enough for the caller's thread to see an earlier one.
        std::thread::sleep(ms(2));
        Poll::Ready(ports.next().map(|port| Change::Insert(([127, 0, 0, 1], port).into())))
    };
    let client = WorkClient::group(&endpoint, Peers::changes(source));
    // Another thread reports the peers than the one that makes the call.
    tokio::spawn(async move {
        sleep(ms(1)).await;
        begin.send(()).unwrap();
    });
    let mut all = client.name().all().within(ms(500));
    let mut count = 0;
    while all.next().await.is_some() {
        count += 1;
    }
    assert_eq!(count, 10);
}
