use std::time::Duration;

use rpcudp::PeerState;
use tokio::time::{Instant, sleep};

use super::fixture::Group;
use crate::support::{ms, seeds};

#[tokio::test(start_paused = true)]
async fn a_hedge_shortens_the_wait_for_a_slow_peer() {
    for seed in seeds(10) {
        let mut group = Group::new(seed, 3);
        let client = group.client();
        for number in 0..64 {
            client.repeat_slowly(number, 10).hedged().await.unwrap();
        }
        assert_eq!(group.caller.stats().calls.hedged, 0, "seed {seed}: all calls take 20 ms");
        group.kill(0).await;
        group.start(0, ms(500), |builder| builder);
        for number in 100..200 {
            let start = Instant::now();
            client.repeat_slowly(number, 10).hedged().await.unwrap();
            assert!(start.elapsed() < ms(100), "seed {seed}: {:?}", start.elapsed());
        }
        let hedged = group.caller.stats().calls.hedged;
        assert!((1..=16).contains(&hedged), "seed {seed}: {hedged}");
        let cancels = group.caller.stats().calls.cancels_sent;
        assert_eq!(cancels, hedged, "seed {seed}: the server of each request that lost is told");
        sleep(Duration::from_secs(1)).await;
        let peers = client.peers();
        assert!(peers.iter().all(|peer| peer.in_flight == 0 && peer.state == PeerState::Available), "{peers:?}");
        assert_eq!(group.caller.stats().calls.in_flight, 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn hedges_add_at_most_a_tenth() {
    for seed in seeds(5) {
        let group = Group::new(seed, 3);
        let client = group.client();
        // Each call takes longer than most before it, so that all would be hedged.
        for number in 0..2_000 {
            client.repeat_slowly(number, number / 10).hedged().await.unwrap();
        }
        let hedged = group.caller.stats().calls.hedged;
        assert!((1..=200).contains(&hedged), "seed {seed}: {hedged}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hedged_call_to_one_peer_is_a_plain_call() {
    let group = Group::new(1, 1);
    for client in [group.client(), group.client().with_peer(super::fixture::addr(0))] {
        for number in 0..100 {
            client.repeat_slowly(number, number % 20).hedged().await.unwrap();
        }
    }
    assert_eq!(group.caller.stats().calls.hedged, 0);
}
