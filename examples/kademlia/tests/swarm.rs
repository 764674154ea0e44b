//! Swarms on the simulated network: what is set is found, whatever the network does.

use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp_kademlia::Config;
use rpcudp_kademlia::swarm::Swarm;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// How many nodes a swarm has, and how many keys: a thousand with optimization, without which they take ten times as long.
const NODES: usize = if cfg!(debug_assertions) { 60 } else { 1_000 };
const KEYS: u32 = if cfg!(debug_assertions) { 60 } else { 200 };

/// The seeds of this run: one, or as many as `KADEMLIA_SEEDS` says.
fn seeds() -> impl Iterator<Item = u64> {
    let count = std::env::var("KADEMLIA_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(1);
    (1..=count).inspect(|seed| println!("seed {seed}"))
}

/// A swarm on a network with ordinary latencies.
async fn swarm(seed: u64) -> (Network, Swarm) {
    let network = Network::new(seed);
    network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(30)));
    let mut swarm = Swarm::simulated(network.clone(), seed, Config::default());
    swarm.grow(NODES, |_| ()).await.unwrap();
    (network, swarm)
}

#[tokio::test(start_paused = true)]
async fn every_key_is_found_from_anywhere() {
    for seed in seeds() {
        let (_network, mut swarm) = swarm(seed).await;
        swarm.set(0..KEYS, |_| ()).await.unwrap();
        for _ in 0..3 {
            let findings = swarm.find(0..KEYS, |_| ()).await;
            assert!(findings.missing.is_empty(), "seed {seed}: missing {:?}", findings.missing);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn loss_costs_time_and_no_keys() {
    for seed in seeds() {
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().loss(0.2).latency(ms(20)).jitter(ms(30)));
        let mut swarm = Swarm::simulated(network.clone(), seed, Config::default());
        swarm.grow(NODES, |_| ()).await.unwrap();
        swarm.set(0..KEYS, |_| ()).await.unwrap();
        let findings = swarm.find(0..KEYS, |_| ()).await;
        assert!(findings.missing.is_empty(), "seed {seed}: missing {:?}", findings.missing);
        assert!(network.stats().lost > 100, "{:?}", network.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn half_of_the_nodes_vanish_and_the_keys_stay() {
    for seed in seeds() {
        let (_network, mut swarm) = swarm(seed).await;
        swarm.set(0..KEYS, |_| ()).await.unwrap();
        // Every other one, whenever it came, without a word.
        let mut keep = false;
        swarm.nodes.retain(|_| {
            keep = !keep;
            keep
        });
        assert_eq!(swarm.nodes.len(), NODES / 2);
        tokio::time::sleep(Config::default().refresh_after * 3 / 2).await;
        let findings = swarm.find(0..KEYS, |_| ()).await;
        assert!(findings.found_count() * 100 >= KEYS as usize * 99, "seed {seed}: missing {:?}", findings.missing);
    }
}

#[tokio::test(start_paused = true)]
async fn a_partition_heals() {
    for seed in seeds() {
        let (network, mut swarm) = swarm(seed).await;
        swarm.set(0..KEYS / 2, |_| ()).await.unwrap();
        let (one_side, other_side) = swarm.nodes.split_at(NODES / 2);
        network.partition(one_side.iter().map(|node| node.local_addr().ip()));
        // Each side goes on by itself, for longer than it takes to notice.
        for (number, node) in
            (KEYS / 2..KEYS).zip(one_side.iter().zip(other_side).flat_map(|(one, other)| [one, other]))
        {
            let (key, value) = (rpcudp_kademlia::swarm::key(number), rpcudp_kademlia::swarm::value(number));
            node.set(key, value).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(7_200)).await;
        network.heal();
        tokio::time::sleep(Config::default().refresh_after * 3 / 2).await;
        let findings = swarm.find(0..KEYS, |_| ()).await;
        assert!(findings.missing.is_empty(), "seed {seed}: missing {:?}", findings.missing);
    }
}
