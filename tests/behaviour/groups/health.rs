use std::time::Duration;

use rpcudp::PeerState;
use tokio::time::sleep;

use super::fixture::{Group, addr};
use crate::support::{ms, seeds};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_killed_peer_is_ejected_and_comes_back_after_a_probe() {
    for seed in seeds(10) {
        let mut group = Group::new(seed, 3);
        let client = group.client();
        group.kill(1).await;
        for number in 0..20 {
            client.repeat(number).await.unwrap();
        }
        let state = |client: &super::fixture::WorkClient| client.peers()[1].state;
        assert!(matches!(state(&client), PeerState::Ejected { remaining } if remaining <= 5 * SECOND), "seed {seed}");
        let unanswered = client.peers()[1].unanswered;
        sleep(6 * SECOND).await;
        for number in 20..40 {
            client.repeat(number).await.unwrap();
        }
        assert_eq!(client.peers()[1].unanswered, unanswered + 1, "seed {seed}: one call probes");
        assert!(matches!(state(&client), PeerState::Ejected { remaining } if remaining > 9 * SECOND), "seed {seed}");
        group.start(1, Duration::ZERO, |builder| builder);
        sleep(11 * SECOND).await;
        for number in 40..100 {
            client.repeat(number).await.unwrap();
        }
        assert_eq!(state(&client), PeerState::Available, "seed {seed}");
        assert!(group.log.runs_at(1) > 5, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn never_more_than_half_is_ejected_and_a_dead_group_is_still_tried() {
    let mut group = Group::new(1, 4);
    for server in 0..4 {
        group.kill(server).await;
    }
    let client = group.client();
    for number in 0..50 {
        client.repeat(number).await.unwrap_err();
    }
    let ejected = client.peers().iter().filter(|peer| peer.state != PeerState::Available).count();
    assert_eq!(ejected, 2);
    for server in 0..4 {
        group.start(server, Duration::ZERO, |builder| builder);
    }
    for number in 0..50 {
        client.repeat(number).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn timeouts_shorter_than_the_round_trip_eject_no_peer() {
    let group = Group::new(1, 2);
    let client = group.client();
    for number in 0..20 {
        client.maybe(number).await.unwrap();
    }
    for number in 20..60 {
        client.maybe(number).timeout(ms(2)).await.unwrap_err();
    }
    assert!(client.peers().iter().all(|peer| peer.state == PeerState::Available));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_leaves_the_probe_to_the_next_call() {
    let group = Group::new(1, 2);
    let client = group.client();
    group.network.partition([addr(0).ip()]);
    for number in 0..40 {
        let _ = client.maybe(number).timeout(ms(100)).await;
    }
    assert!(matches!(client.peers()[0].state, PeerState::Ejected { .. }));
    group.network.heal();
    sleep(6 * SECOND).await;
    let probe = tokio::spawn(client.maybe(100));
    sleep(ms(2)).await;
    assert_eq!(client.peers()[0].state, PeerState::Probing);
    probe.abort();
    assert!(probe.await.unwrap_err().is_cancelled());
    assert_eq!(client.peers()[0].state, PeerState::Ejected { remaining: Duration::ZERO });
    client.maybe(101).await.unwrap();
    assert_eq!(client.peers()[0].state, PeerState::Available);
}
