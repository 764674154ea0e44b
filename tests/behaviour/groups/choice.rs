use std::collections::BTreeMap;
use std::time::Duration;

use rpcudp::{PeerState, Peers};
use tokio::task::JoinSet;

use super::fixture::{Group, WorkClient, addr};
use crate::support::{ms, seeds};

#[tokio::test(start_paused = true)]
async fn calls_spread_over_all_peers() {
    for seed in seeds(5) {
        let group = Group::new(seed, 5);
        let client = group.client();
        for number in 0..500 {
            assert_eq!(client.maybe(number).await.unwrap(), number, "seed {seed}");
        }
        let runs: Vec<_> = (0..5).map(|server| group.log.runs_at(server)).collect();
        assert!(runs.iter().all(|count| (60..140).contains(count)), "seed {seed}: {runs:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_peer_gets_few_calls() {
    for seed in seeds(5) {
        let mut group = Group::new(seed, 5);
        group.kill(2).await;
        group.start(2, ms(200), |builder| builder);
        let client = group.client();
        let mut calls = JoinSet::new();
        for number in 0..2_000 {
            calls.spawn(client.maybe_slowly(number, 10));
            tokio::time::sleep(ms(2)).await;
        }
        while let Some(ended) = calls.join_next().await {
            ended.unwrap().unwrap();
        }
        let slow = group.log.runs_at(2);
        assert!((1..150).contains(&slow), "seed {seed}: {slow} of 2,000 calls ran at the slow peer");
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_of_peers_shows_their_calls() {
    let group = Group::new(1, 3);
    let client = group.client();
    let call = tokio::spawn(client.repeat_slowly(1, 1_000));
    for _ in 0..50 {
        client.name().await.unwrap();
    }
    let peers = client.peers();
    assert_eq!(peers.iter().map(|peer| peer.addr).collect::<Vec<_>>(), group.addrs());
    assert_eq!(peers.iter().map(|peer| peer.in_flight).sum::<u64>(), 1);
    assert_eq!(peers.iter().map(|peer| peer.requests).sum::<u64>(), 51);
    // The peer of the call in flight may have had no other.
    for peer in peers.iter().filter(|peer| peer.requests > peer.in_flight) {
        assert_eq!((peer.state, peer.unanswered), (PeerState::Available, 0), "{peer:?}");
        assert_eq!(peer.round_trip.unwrap(), ms(10), "{peer:?}");
        let response_time = peer.response_time.unwrap();
        assert!(response_time <= ms(10) && response_time > ms(9), "{peer:?}");
        assert!(peer.age > Duration::ZERO, "{peer:?}");
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert!(client.peers().iter().all(|peer| peer.in_flight == 0), "a dropped call is not in flight");
    assert!(client.with_peer(addr(0)).peers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_key_has_one_peer_and_only_the_keys_of_a_lost_peer_move() {
    let mut group = Group::new(7, 5);
    let client = group.client();
    let owners = async |client: &WorkClient| {
        let mut owners = BTreeMap::new();
        for key in 0_u64..100 {
            let by_key = client.by(key.to_be_bytes());
            let owner = by_key.name().await.unwrap();
            assert_eq!(by_key.name().await.unwrap(), owner);
            owners.insert(key, owner);
        }
        owners
    };
    let before = owners(&client).await;
    assert!((0..5).all(|server| before.values().filter(|owner| **owner == server).count() > 5), "{before:?}");
    let other_process = WorkClient::group(&group.caller, Peers::fixed(group.addrs().into_iter().rev()));
    assert_eq!(owners(&other_process).await, before, "all callers agree");
    group.kill(3).await;
    let after = owners(&client).await;
    for (key, owner) in before {
        assert!(after[&key] == owner || owner == 3, "key {key} moved from {owner} to {}", after[&key]);
        assert_ne!(after[&key], 3);
    }
}

#[tokio::test(start_paused = true)]
async fn oneway_calls_go_to_some_peer() {
    let group = Group::new(1, 3);
    let client = group.client();
    for number in 0..30 {
        client.tell(number).await.unwrap();
    }
    tokio::time::sleep(ms(20)).await;
    assert!((0..30).all(|number| group.log.runs_of(number) == 1));
    assert!((0..3).all(|server| group.log.runs_at(server) > 0));
    assert_eq!(client.peers().iter().map(|peer| peer.in_flight).sum::<u64>(), 0);
}
