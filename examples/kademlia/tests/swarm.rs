//! Swarms on the simulated network find all values despite loss, churn and partitions.

use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp_kademlia::Config;
use rpcudp_kademlia::swarm::Swarm;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The number of nodes of a swarm, and of keys. Builds without optimization take ten times as long,
/// so they use fewer.
const NODES: usize = if cfg!(debug_assertions) { 60 } else { 1_000 };
const KEYS: u32 = if cfg!(debug_assertions) { 60 } else { 200 };

/// Returns the seeds of this run: one, or as many as `KADEMLIA_SEEDS` says.
fn seeds() -> impl Iterator<Item = u64> {
    let count = std::env::var("KADEMLIA_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(1);
    (1..=count).inspect(|seed| println!("seed {seed}"))
}

/// Returns a swarm on a network with ordinary latencies and no loss.
async fn swarm(seed: u64) -> (Network, Swarm) {
    let network = Network::new(seed);
    network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(30)));
    let mut swarm = Swarm::simulated(network.clone(), seed, Config::default());
    swarm.grow(NODES, |_| ()).await.unwrap();
    (network, swarm)
}

#[tokio::test(start_paused = true)]
async fn every_key_is_found_from_random_nodes() {
    for seed in seeds() {
        let (_network, mut swarm) = swarm(seed).await;
        swarm.set(0..KEYS, |_| ()).await.unwrap();
        for _ in 0..3 {
            let report = swarm.find(0..KEYS, |_| ()).await;
            assert!(report.missing.is_empty(), "seed {seed}: missing {:?}", report.missing);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_key_is_found_at_20_percent_loss() {
    for seed in seeds() {
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().loss(0.2).latency(ms(20)).jitter(ms(30)));
        let mut swarm = Swarm::simulated(network.clone(), seed, Config::default());
        swarm.grow(NODES, |_| ()).await.unwrap();
        swarm.set(0..KEYS, |_| ()).await.unwrap();
        let report = swarm.find(0..KEYS, |_| ()).await;
        assert!(report.missing.is_empty(), "seed {seed}: missing {:?}", report.missing);
        assert!(network.stats().lost > 100, "{:?}", network.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn keys_survive_the_loss_of_half_of_the_nodes() {
    for seed in seeds() {
        let (_network, mut swarm) = swarm(seed).await;
        swarm.set(0..KEYS, |_| ()).await.unwrap();
        // Drops every second node without closing it.
        let mut keep = false;
        swarm.nodes.retain(|_| {
            keep = !keep;
            keep
        });
        assert_eq!(swarm.nodes.len(), NODES / 2);
        tokio::time::sleep(Config::default().refresh_after * 3 / 2).await;
        let report = swarm.find(0..KEYS, |_| ()).await;
        assert!(report.found_count() * 100 >= KEYS as usize * 99, "seed {seed}: missing {:?}", report.missing);
    }
}

#[tokio::test(start_paused = true)]
async fn keys_of_both_sides_are_found_after_a_partition() {
    for seed in seeds() {
        let (network, mut swarm) = swarm(seed).await;
        swarm.set(0..KEYS / 2, |_| ()).await.unwrap();
        let (one_side, other_side) = swarm.nodes.split_at(NODES / 2);
        network.partition(one_side.iter().map(|node| node.local_addr().ip()));
        // The partition lasts longer than each side takes to notice it.
        for (number, node) in
            (KEYS / 2..KEYS).zip(one_side.iter().zip(other_side).flat_map(|(one, other)| [one, other]))
        {
            let (key, value) = (rpcudp_kademlia::swarm::key(number), rpcudp_kademlia::swarm::value(number));
            node.set(key, value).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(7_200)).await;
        network.heal();
        tokio::time::sleep(Config::default().refresh_after * 3 / 2).await;
        let report = swarm.find(0..KEYS, |_| ()).await;
        assert!(report.missing.is_empty(), "seed {seed}: missing {:?}", report.missing);
    }
}
