//! Requests and contacts as Python nodes send them, that a stricter node would refuse or ignore.

use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Context, Endpoint, rpc_service};
use rpcudp_kademlia::{Config, Key, Node, NodeId, Value};
use serde::{Deserialize, Serialize};

/// The protocol with ids of any length, as in Python. `Vec<u8>` is `bytes`.
#[rpc_service]
trait PythonKademlia {
    fn ping(&self, cx: &Context, id: Vec<u8>) -> Vec<u8>;
    #[rpc(timeout = "1s")]
    fn store(&self, id: Vec<u8>, key: Vec<u8>, value: Any) -> bool;
    fn find_node(&self, id: Vec<u8>, key: Vec<u8>) -> Vec<(Vec<u8>, Text, u16)>;
    fn find_value(&self, id: Vec<u8>, key: Vec<u8>) -> Vec<(Vec<u8>, Text, u16)>;
}

/// A value that msgpack can carry.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Any {
    Nil(()),
    Number(u64),
    Text(String),
    List(Vec<Self>),
    Map(std::collections::BTreeMap<String, Self>),
}

/// Text, which Python 2 sends as bytes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Bytes(Vec<u8>),
}

struct PythonNode {
    id: Vec<u8>,
    contacts: Vec<(Vec<u8>, Text, u16)>,
}

impl PythonKademlia for PythonNode {
    fn ping(&self, _: &Context, _: Vec<u8>) -> Vec<u8> {
        self.id.clone()
    }
    fn store(&self, _: Vec<u8>, _: Vec<u8>, _: Any) -> bool {
        true
    }
    fn find_node(&self, _: Vec<u8>, _: Vec<u8>) -> Vec<(Vec<u8>, Text, u16)> {
        self.contacts.clone()
    }
    fn find_value(&self, _: Vec<u8>, _: Vec<u8>) -> Vec<(Vec<u8>, Text, u16)> {
        self.contacts.clone()
    }
}

fn python(network: &Network, addr: &str, id: &[u8], contacts: Vec<(Vec<u8>, Text, u16)>) -> Endpoint {
    let service = PythonKademliaServer::new(PythonNode { id: id.into(), contacts });
    Endpoint::builder().serve(service).bind_transport(network.bind(addr).unwrap()).unwrap()
}

fn network() -> Network {
    let network = Network::new(1);
    network.set_conditions(Conditions::default().latency(Duration::from_millis(5)));
    network
}

fn node(network: &Network, addr: &str, config: Config) -> Node {
    Node::builder().config(config).bind_transport(network.bind(addr).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_store_of_a_list_a_map_or_none_is_refused_with_false() {
    let network = network();
    let node = node(&network, "20.0.0.1:1", Config::default());
    let peer = python(&network, "30.0.0.1:1", &[7; 20], vec![]);
    let client = PythonKademliaClient::new(&peer, node.local_addr());
    let map = [("a".to_owned(), Any::Number(1))].into();
    for value in [Any::List(vec![Any::Text("a".into()), Any::Number(1)]), Any::Map(map), Any::Nil(())] {
        let is_stored = client.store(vec![7; 20], vec![8; 20], value).await;
        assert!(!is_stored.unwrap());
    }
    assert_eq!((node.stats().unstorable_values, node.value_count()), (3, 0));
    assert!(client.store(vec![7; 20], vec![8; 20], Any::Text("text".into())).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_node_with_a_short_id_is_a_contact_that_stores_and_finds() {
    let network = network();
    for (number, id) in [(1_u8, vec![1, 2, 3, 4]), (2, vec![9; 16])] {
        let node = node(&network, &format!("20.0.{number}.1:1"), Config::default());
        let peer = python(&network, &format!("30.0.{number}.1:1"), &id, vec![]);
        let client = PythonKademliaClient::new(&peer, node.local_addr());
        assert_eq!(client.ping(id.clone()).await.unwrap(), node.id().as_bytes());
        // Python looks up its own id, which is as short.
        assert!(client.find_node(id.clone(), id.clone()).await.unwrap().is_empty());
        assert!(client.store(id.clone(), vec![8; 20], Any::Number(7)).await.unwrap());
        assert_eq!(node.get(Key::from_bytes([8; 20])).await.unwrap(), Some(Value::Int(7)));
        let mut padded = [0; 20];
        padded[20 - id.len()..].copy_from_slice(&id);
        let contacts = node.state().contacts;
        assert_eq!((contacts.len(), contacts[0].id), (1, NodeId::from_bytes(padded)));
        // The node bootstraps through it in turn.
        let other = self::node(&network, &format!("21.0.{number}.1:1"), Config::default());
        assert_eq!(other.bootstrap(&[peer.local_addr()]).await.unwrap(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn contacts_with_host_names_and_with_addresses_as_bytes_are_queried() {
    let network = network();
    let by_name = node(&network, "127.0.0.1:7001", Config::default());
    let by_bytes = node(&network, "127.0.0.1:7002", Config::default());
    let contacts = vec![
        (by_name.id().as_bytes().to_vec(), Text::Text("localhost".into()), 7_001),
        (by_bytes.id().as_bytes().to_vec(), Text::Bytes(b"127.0.0.1".to_vec()), 7_002),
    ];
    let peer = python(&network, "127.0.0.1:7003", &[7; 20], contacts.clone());
    let node = node(&network, "127.0.0.1:7004", Config::default());
    node.bootstrap(&[peer.local_addr()]).await.unwrap();
    let closest = node.lookup(Key::of("key")).await.closest;
    assert!([&by_name, &by_bytes].iter().all(|known| closest.iter().any(|it| it.id == known.id())), "{closest:?}");
    assert_eq!(node.stats().malformed_contacts, 0);
    // A referrer on the internet cannot name this host.
    let referrer = python(&network, "30.0.0.1:1", &[6; 20], contacts);
    let node = self::node(&network, "20.0.0.1:1", Config::default());
    node.bootstrap(&[referrer.local_addr()]).await.unwrap();
    assert_eq!(node.lookup(Key::of("key")).await.closest.len(), 1);
    // Names can be switched off.
    let config = Config { resolves_host_names: false, ..Config::default() };
    let node = self::node(&network, "127.0.0.1:7005", config);
    node.bootstrap(&[peer.local_addr()]).await.unwrap();
    assert!(node.stats().malformed_contacts > 0);
}

#[tokio::test(start_paused = true)]
async fn a_private_deployment_has_many_nodes_in_one_subnet() {
    for (limits_subnets, expected) in [(true, 2..=2), (false, 39..=39)] {
        let network = network();
        let config = Config { limits_subnets, k: 40, ..Config::default() };
        let nodes: Vec<_> = (1..=40).map(|host| node(&network, &format!("20.0.0.{host}:1"), config.clone())).collect();
        for node in &nodes[1..] {
            node.bootstrap(&[nodes[0].local_addr()]).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        let known = nodes[0].contact_count();
        assert!(expected.contains(&known), "{known} contacts, {limits_subnets}");
    }
}
