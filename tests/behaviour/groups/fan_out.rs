use std::time::Duration;

use rpcudp::{CallError, Change, Peers};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::fixture::{Group, WorkClient, addr};
use crate::support::{ms, seeds};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn all_gives_the_results_in_the_order_of_arrival() {
    let mut group = Group::new(1, 5);
    for server in 0..5 {
        group.kill(server).await;
        group.start(server, ms(500 - 100 * server as u64), |builder| builder);
    }
    group.kill(4).await;
    let mut all = group.client().repeat_slowly(7, 10).all();
    let start = Instant::now();
    let mut arrived = Vec::new();
    while let Some((peer, result)) = all.next().await {
        arrived.push((peer, result.map_err(|error| matches!(error, CallError::Unreachable { .. })), start.elapsed()));
    }
    let expected = [
        (addr(4), Err(true), ms(10)),
        (addr(3), Ok(7), ms(220)),
        (addr(2), Ok(7), ms(320)),
        (addr(1), Ok(7), ms(420)),
        (addr(0), Ok(7), ms(520)),
    ];
    assert_eq!(arrived, expected);
    assert!(all.next().await.is_none(), "the end stays the end");
    assert_eq!(group.log.runs_of(7), 4);
}

#[tokio::test(start_paused = true)]
async fn all_calls_each_peer_once_under_loss() {
    for seed in seeds(10) {
        let group = Group::new(seed, 5);
        group.network.set_conditions(rpcudp::sim::Conditions::default().latency(ms(5)).loss(0.2));
        for number in 0..20 {
            let mut all = group.client().once(number).all();
            let mut peers = Vec::new();
            while let Some((peer, result)) = all.next().await {
                assert_eq!(result.unwrap(), number, "seed {seed}");
                peers.push(peer);
            }
            peers.sort();
            assert_eq!(peers, group.addrs(), "seed {seed}");
            assert_eq!(group.log.runs_of(number), 5, "seed {seed}");
        }
        assert_eq!(group.caller.stats().calls.moved, 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn within_ends_all_calls_together_and_calls_no_peer_after_it() {
    let group = Group::new(1, 5);
    group.network.partition([addr(1).ip()]);
    let start = Instant::now();
    let mut all = group.client().maybe_slowly(1, 400).all().within(ms(300)).concurrency(2);
    let mut errors = Vec::new();
    while let Some((peer, result)) = all.next().await {
        errors.push((peer, result.unwrap_err().is_timeout()));
    }
    errors.sort();
    assert_eq!(errors, group.addrs().into_iter().map(|peer| (peer, true)).collect::<Vec<_>>());
    assert_eq!(start.elapsed(), ms(300));
    assert_eq!(group.caller.stats().calls.started, 2, "three are not called any more");
}

#[tokio::test(start_paused = true)]
async fn all_bounds_the_calls_in_flight() {
    let mut group = Group::new(1, 100);
    let client = group.client();
    let mut all = client.maybe_slowly(1, 100).all();
    let mut count = 0;
    while let Some((_, result)) = all.next().await {
        assert!(group.caller.stats().calls.in_flight <= 64);
        result.unwrap();
        count += 1;
    }
    assert_eq!((count, group.log.runs_of(1)), (100, 100));
    let mut all = client.maybe_slowly(2, 100).all();
    assert!(all.next().await.is_some());
    drop(all);
    assert_eq!(group.caller.stats().calls.in_flight, 0, "dropping the stream drops its calls");
    assert!(client.peers().iter().all(|peer| peer.in_flight == 0));
    group.servers.clear();
}

#[tokio::test(start_paused = true)]
async fn all_of_one_peer_and_of_no_peer() {
    let group = Group::new(1, 1);
    let one = WorkClient::new(&group.caller, addr(0));
    let mut all = one.name().all();
    assert!(matches!(all.next().await, Some((peer, Ok(0))) if peer == addr(0)));
    assert!(all.next().await.is_none());
    let mut all = WorkClient::group(&group.caller, Peers::fixed([])).name().all();
    assert!(all.next().await.is_none());

    let (changes, receiver) = mpsc::channel(8);
    let client = WorkClient::group(&group.caller, Peers::changes(receiver));
    let mut all = client.name().all();
    let waits = tokio::spawn(async move { all.next().await.map(|(peer, _)| peer) });
    sleep(SECOND).await;
    changes.send(Change::Insert(addr(0))).await.unwrap();
    assert_eq!(waits.await.unwrap(), Some(addr(0)), "all waits for the first news of a source");

    let (_changes, receiver) = mpsc::channel::<Change>(8);
    let client = WorkClient::group(&group.caller, Peers::changes(receiver));
    let start = Instant::now();
    assert!(client.name().all().within(SECOND).next().await.is_none());
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn oneway_calls_reach_all_peers() {
    let group = Group::new(1, 5);
    let mut all = group.client().tell(3).all();
    while let Some((_, result)) = all.next().await {
        result.unwrap();
    }
    sleep(ms(20)).await;
    assert_eq!(group.log.runs_of(3), 5);
}

#[tokio::test(start_paused = true)]
async fn a_quorum_ends_with_the_value_that_enough_peers_agree_on() {
    let mut group = Group::new(1, 5);
    group.kill(0).await;
    group.kill(1).await;
    let client = group.client();
    assert_eq!(client.repeat(7).quorum(3).await.unwrap(), 7);
    assert_eq!(client.repeat(7).quorum(0).await.unwrap(), 7, "zero counts as one");
    let error = client.repeat(7).quorum(4).await.unwrap_err();
    assert_eq!((error.needed, error.peers, error.agreeing), (4, 5, 0));
    assert_eq!(error.responses.len(), 2, "two unreachable peers rule out four votes");
    assert_eq!(error.to_string(), "4 of 5 peers must agree: 0 responded, at most 0 with the same value, and 2 failed");
    // Each server has its own name, so no two agree.
    let error = client.name().quorum(2).await.unwrap_err();
    assert_eq!((error.needed, error.peers, error.agreeing), (2, 5, 1));
    assert_eq!(error.to_string(), "2 of 5 peers must agree: 3 responded, at most 1 with the same value, and 2 failed");
    let mut who: Vec<_> =
        error.responses.iter().filter_map(|(peer, result)| Some((*peer, *result.as_ref().ok()?))).collect();
    who.sort();
    assert_eq!(who, [(addr(2), 2), (addr(3), 3), (addr(4), 4)], "the error says which peer said which value");
}

#[tokio::test(start_paused = true)]
async fn a_quorum_that_cannot_be_reached_calls_no_peer() {
    let group = Group::new(1, 3);
    let error = group.client().repeat(1).quorum(4).await.unwrap_err();
    assert_eq!((error.needed, error.peers, error.responses.len()), (4, 3, 0));
    assert_eq!(group.caller.stats().calls.started, 0);
    let error = WorkClient::group(&group.caller, Peers::fixed([])).repeat(1).quorum(1).await.unwrap_err();
    assert_eq!((error.needed, error.peers), (1, 0));
    let error = group.client().fails().quorum(1).await.unwrap_err();
    assert!(matches!(&error.responses[0].1, Err(CallError::Application(_))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_quorum_drops_the_calls_that_it_does_not_need() {
    let mut group = Group::new(1, 3);
    group.kill(2).await;
    group.start(2, SECOND, |builder| builder);
    let start = Instant::now();
    assert_eq!(group.client().repeat_slowly(5, 10).quorum(2).await.unwrap(), 5);
    assert_eq!(start.elapsed(), ms(20));
    assert_eq!(group.caller.stats().calls.in_flight, 0);
}
