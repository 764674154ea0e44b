//! Groups of the nodes closest to a key, for a contract of the user's own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, rpc_service};
use rpcudp_kademlia::{Config, Key, Node, NodeId};
use tokio::time::sleep;

#[rpc_service(namespace = "mine.")]
trait Mine {
    #[rpc(at_least_once)]
    fn number(&self) -> u8;
}

struct Number(u8);

impl Mine for Number {
    fn number(&self) -> u8 {
        self.0
    }
}

const K: usize = 4;

/// Starts a node whose id begins with its number.
fn start(network: &Network, number: u8) -> Node {
    let mut id = [0; 20];
    id[0] = number;
    let config = Config { k: K, seed: Some(number.into()), ..Config::default() };
    let builder = Node::builder().id(NodeId::from_bytes(id)).config(config).serve(MineServer::new(Number(number)));
    builder.bind_transport(network.bind(addr(number)).unwrap()).unwrap()
}

fn addr(number: u8) -> SocketAddr {
    ([10, 0, 0, number], 7_000).into()
}

async fn numbers(client: &MineClient) -> BTreeSet<u8> {
    let mut all = client.number().all();
    let mut numbers = BTreeSet::new();
    while let Some((peer, result)) = all.next().await {
        let number = result.unwrap();
        assert_eq!(peer, addr(number));
        numbers.insert(number);
    }
    numbers
}

#[tokio::test(start_paused = true)]
async fn the_group_has_the_nodes_closest_to_the_key_and_follows_them() {
    for seed in 0..5 {
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(Duration::from_millis(20)));
        let mut nodes = vec![start(&network, 16)];
        for number in 17..40 {
            let node = start(&network, number);
            node.bootstrap(&[addr(16)]).await.unwrap();
            nodes.push(node);
        }
        for node in &nodes {
            node.lookup(node.id().into()).await;
        }
        // The key is between the ids of 32 to 35, which share its first six bits.
        let mut key = [0xff; 20];
        key[0] = 33;
        let key = Key::from_bytes(key);
        let client: MineClient = nodes[2].nearest(key);
        assert_eq!(numbers(&client).await, [32, 33, 34, 35].into(), "seed {seed}");

        // One ends. Within two minutes a lookup finds the next.
        let ended = nodes.remove(33 - 16);
        assert_eq!(ended.local_addr(), addr(33));
        ended.close(Duration::ZERO).await;
        drop(ended);
        sleep(Duration::from_secs(120)).await;
        let found = numbers(&client).await;
        assert!(found.is_superset(&[32, 34, 35].into()) && found.len() == K, "seed {seed}: {found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_without_contacts_has_no_peers_until_it_has_joined() {
    let network = Network::new(1);
    let (one, other) = (start(&network, 16), start(&network, 17));
    let client: MineClient = one.nearest(Key::of("any"));
    let error = client.number().await.unwrap_err();
    assert!(matches!(error, CallError::NoPeers { .. }), "{error}");
    assert!(error.to_string().contains("bootstrap this node first"), "{error}");
    other.bootstrap(&[addr(16)]).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(client.number().await.unwrap(), 17);
}
