use std::net::IpAddr;
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp_kademlia::swarm::Swarm;
use rpcudp_kademlia::{Config, KademliaClient, Key, Node, NodeId, Value};

use crate::liar::{liar, near};

/// The sixth of the shows: strangers flood `store`, and in the same network others tell of nobody but the dead.
#[tokio::test(start_paused = true)]
async fn lookups_succeed_under_flood_and_poison() {
    let (count, keys) = if cfg!(debug_assertions) { (60, 100) } else { (300, 1_000) };
    let seed = 1;
    println!("seed {seed}");
    let network = Network::new(seed);
    network.set_conditions(Conditions::default().latency(Duration::from_millis(20)).jitter(Duration::from_millis(20)));
    let config = Config { max_stored_len: 1 << 20, max_stored_len_per_subnet: 128 << 10, ..Config::default() };
    let mut swarm = Swarm::simulated(network.clone(), seed, config.clone());
    swarm.grow(count, |_| ()).await.unwrap();

    // One in ten is a liar: it answers pings, says that it stores, and tells of twenty who are nearest, and dead.
    let mut liars = Vec::new();
    for number in 0..count / 10 {
        let told = |key: &[u8]| {
            let contact = |number: usize| {
                let [a, b] = [key[number] | 1, key[19 - number]];
                (near(key, number), format!("9.{a}.{b}.{number}"), 9)
            };
            (0..20).map(contact).collect()
        };
        // Their ids lie evenly in space.
        let id = (number * 2_550 / count) as u8;
        let liar = liar(&network, &format!("66.0.{number}.1:666"), id, told);
        for node in &swarm.nodes {
            let us = KademliaClient::new(&liar, node.local_addr());
            us.ping(NodeId::from_bytes([id; 20])).await.unwrap();
        }
        liars.push(liar);
    }
    // And strangers of one network store as much as they can, everywhere.
    let mut floods = tokio::task::JoinSet::new();
    for host in 0..20_u8 {
        let flooder = liar(&network, &format!("77.7.7.{host}:777"), host, |_| vec![]);
        let targets: Vec<_> = swarm.nodes.iter().map(Node::local_addr).collect();
        floods.spawn(async move {
            for round in 0..20_u8 {
                for target in &targets {
                    let key = Key::of(format!("flood {host} {round} {target}"));
                    let value = Value::Bytes(vec![host; 8_000]);
                    let us = KademliaClient::new(&flooder, *target);
                    let _ = us.store(NodeId::from_bytes([host; 20]), key, value).await;
                }
            }
        });
    }
    swarm.set(0..keys, |_| ()).await.unwrap();
    let during = swarm.find(0..keys, |_| ()).await;
    floods.join_all().await;
    let after = swarm.find(0..keys, |_| ()).await;
    for (when, findings) in [("during", &during), ("after", &after)] {
        let (found, keys) = (findings.found_count(), keys as usize);
        println!("{found} of {keys} found {when} the flood");
        assert!(found * 100 >= keys * 99, "missing {:?}", findings.missing);
    }
    let refused: u64 = swarm.nodes.iter().map(|node| node.stats().storage_full).sum();
    assert!(refused > 100, "the flood was no flood: {refused}");
    for node in &swarm.nodes {
        assert!(node.stored_len() <= config.max_stored_len);
        // Two in a bucket, and a handful of buckets.
        let flooders = node.state().contacts.into_iter().filter(|contact| is_flooder(contact.addr.ip())).count();
        assert!(flooders <= 16, "{flooders} of one network are in a table");
    }
}

fn is_flooder(ip: IpAddr) -> bool {
    ip.to_string().starts_with("77.7.7.")
}
