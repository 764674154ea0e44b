use std::net::IpAddr;
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp_kademlia::swarm::Swarm;
use rpcudp_kademlia::{Config, KademliaClient, Key, Node, NodeId, Value};

use crate::hostile_node::{hostile_node, id_near};

/// One subnet floods `store`, while a tenth of the nodes return only unreachable contacts.
#[tokio::test(start_paused = true)]
async fn lookups_succeed_despite_a_flood_and_false_contacts() {
    let (count, keys) = if cfg!(debug_assertions) { (60, 100) } else { (300, 1_000) };
    let seed = 1;
    println!("seed {seed}");
    let network = Network::new(seed);
    network.set_conditions(Conditions::default().latency(Duration::from_millis(20)).jitter(Duration::from_millis(20)));
    let config = Config { max_stored_len: 1 << 20, max_stored_len_per_subnet: 128 << 10, ..Config::default() };
    let mut swarm = Swarm::simulated(network.clone(), seed, config.clone());
    swarm.grow(count, |_| ()).await.unwrap();

    // One node in ten is hostile: it responds to pings, claims to store values, and returns 20
    // unreachable contacts that are closest to the key.
    let mut hostile_nodes = Vec::new();
    for number in 0..count / 10 {
        let contacts = |key: &[u8]| {
            let contact = |number: usize| {
                let [a, b] = [key[number] | 1, key[19 - number]];
                (id_near(key, number), format!("9.{a}.{b}.{number}"), 9)
            };
            (0..20).map(contact).collect()
        };
        // The ids are spread evenly over the key space.
        let id = (number * 2_550 / count) as u8;
        let hostile = hostile_node(&network, &format!("66.0.{number}.1:666"), id, contacts);
        for node in &swarm.nodes {
            let client = KademliaClient::new(&hostile, node.local_addr());
            client.ping(NodeId::from_bytes([id; 20])).await.unwrap();
        }
        hostile_nodes.push(hostile);
    }
    // 20 nodes of one subnet store as much as they can at all nodes.
    let mut floods = tokio::task::JoinSet::new();
    for host in 0..20_u8 {
        let flooder = hostile_node(&network, &format!("77.7.7.{host}:777"), host, |_| vec![]);
        let targets: Vec<_> = swarm.nodes.iter().map(Node::local_addr).collect();
        floods.spawn(async move {
            for round in 0..20_u8 {
                for target in &targets {
                    let key = Key::of(format!("flood {host} {round} {target}"));
                    let value = Value::Bytes(vec![host; 8_000]);
                    let client = KademliaClient::new(&flooder, *target);
                    let _ = client.store(NodeId::from_bytes([host; 20]), key, value).await;
                }
            }
        });
    }
    swarm.set(0..keys, |_| ()).await.unwrap();
    let during = swarm.find(0..keys, |_| ()).await;
    floods.join_all().await;
    let after = swarm.find(0..keys, |_| ()).await;
    for (when, report) in [("during", &during), ("after", &after)] {
        let (found, keys) = (report.found_count(), keys as usize);
        println!("{found} of {keys} found {when} the flood");
        assert!(found * 100 >= keys * 99, "missing {:?}", report.missing);
    }
    let refused: u64 = swarm.nodes.iter().map(|node| node.stats().storage_full).sum();
    assert!(refused > 100, "the flood reached no limit: {refused} refused");
    for node in &swarm.nodes {
        assert!(node.stored_len() <= config.max_stored_len);
        // Two contacts of the subnet in each of a few buckets.
        let flooders = node.state().contacts.into_iter().filter(|contact| is_flooder(contact.addr.ip())).count();
        assert!(flooders <= 16, "{flooders} of one subnet are in a routing table");
    }
}

fn is_flooder(ip: IpAddr) -> bool {
    ip.to_string().starts_with("77.7.7.")
}
