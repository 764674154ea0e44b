//! Floods of requests with forged source addresses, at ten times the rates that kept strangers out
//! of a node before the limits existed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rpcudp::sim::Network;
use rpcudp::transport::{Datagram, Transport};
use rpcudp_kademlia::{Config, KademliaClient, Key, Node, Value};
use tokio::task::JoinHandle;

use crate::hostile_node::{network, node};

/// Sends `per_second` datagrams until it is dropped, each from another address of the internet.
struct Flood {
    is_over: Arc<AtomicBool>,
    sent: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl Flood {
    fn start(
        network: &Network,
        to: SocketAddr,
        per_second: u32,
        contents: impl Fn(u32) -> Vec<u8> + Send + 'static,
    ) -> Self {
        let (is_over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (network, stop, count) = (network.clone(), Arc::clone(&is_over), Arc::clone(&sent));
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(10));
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                ticks.tick().await;
                for _ in 0..per_second / 100 {
                    number += 1;
                    // Each in a /24 of its own: 90.0.0.1, 90.0.1.1 and so on. The socket is dropped
                    // at once, so that no response reaches it.
                    let source = SocketAddr::from(((0x5a00_0001_u32 + number * 256).to_be_bytes(), 7));
                    let Ok(socket) = network.bind(source) else { continue };
                    let contents = contents(number);
                    socket.try_send(Datagram { destination: to, source: None, contents: &contents }).unwrap();
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Self { is_over, sent, task }
    }

    async fn end(self) -> u32 {
        self.is_over.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.sent.load(Ordering::Relaxed)
    }
}

fn request(number: u32, method: &str, arguments: &[&[u8]]) -> Vec<u8> {
    let mut contents = vec![0];
    contents.extend(number.to_be_bytes().iter().cycle().take(20));
    contents.extend([0x92, 0xa0 + method.len() as u8]);
    contents.extend(method.as_bytes());
    contents.push(0x90 + arguments.len() as u8);
    for argument in arguments {
        contents.extend([0xc4, argument.len() as u8]);
        contents.extend(*argument);
    }
    contents
}

fn id(number: u32) -> Vec<u8> {
    let mut id = Key::of(number.to_be_bytes()).as_bytes().to_vec();
    id[0] ^= 1;
    id
}

/// Twenty honest nodes that join through a node, and store a value at it.
async fn strangers_meet_and_store(network: &Network, target: &Node) {
    for number in 0..20_u8 {
        let addr = format!("40.0.{number}.1:7000");
        let stranger = Node::builder().bind_transport(network.bind(&*addr).unwrap()).unwrap();
        stranger.bootstrap(&[target.local_addr()]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let is_known = target.state().contacts.iter().any(|contact| contact.id == stranger.id());
        assert!(is_known, "stranger {number} is not in the routing table");
        // As a stranger again, at another address.
        let addr = format!("41.0.{number}.1:7000");
        let stranger = Node::builder().bind_transport(network.bind(&*addr).unwrap()).unwrap();
        let client = KademliaClient::new(stranger.endpoint(), target.local_addr());
        let key = Key::of([number]);
        assert!(client.store(stranger.id(), key, "value".into()).await.unwrap(), "stranger {number} stored nothing");
        assert_eq!(target.get(key).await.unwrap(), Some("value".into()));
    }
}

/// A node whose buckets have room for everyone, so that only the limits keep a stranger out.
fn target(network: &Network) -> Node {
    node(network, "20.0.0.1:7000", Config { k: 100, ..Config::default() })
}

#[tokio::test(start_paused = true)]
async fn strangers_meet_and_store_during_a_flood_of_300_forged_pings_a_second() {
    let network = network();
    let target = target(&network);
    let flood = Flood::start(&network, target.local_addr(), 300, |number| request(number, "ping", &[&id(number)]));
    strangers_meet_and_store(&network, &target).await;
    assert!(flood.end().await > 2_000);
}

#[tokio::test(start_paused = true)]
async fn strangers_meet_and_store_during_a_flood_of_300_forged_introductions_a_second() {
    let network = network();
    let target = target(&network);
    let flood = Flood::start(&network, target.local_addr(), 300, |number| {
        request(number, "find_node", &[&id(number), &id(number + 1)])
    });
    strangers_meet_and_store(&network, &target).await;
    assert!(flood.end().await > 2_000);
}

#[tokio::test(start_paused = true)]
async fn strangers_meet_and_store_during_a_flood_of_4000_forged_stores_a_second() {
    let network = network();
    let target = target(&network);
    let flood = Flood::start(&network, target.local_addr(), 4_000, |number| {
        request(number, "store", &[&id(number), &id(number), &[7; 200]])
    });
    strangers_meet_and_store(&network, &target).await;
    let sent = flood.end().await;
    assert!(sent > 20_000 && target.stats().unvalidated_stores > 20_000, "{sent} {:?}", target.stats());
    assert_eq!(target.value_count(), 20);
}

/// A node that accepts each datagram and never answers takes no place that a later one needs.
#[tokio::test(start_paused = true)]
async fn a_slow_newcomer_does_not_hold_up_the_handover_to_later_ones() {
    let network = network();
    let target = node(&network, "20.0.0.1:7000", Config { k: 100, ..Config::default() });
    let first = node_at(&network, "21.0.0.1:7000").await;
    first.bootstrap(&[target.local_addr()]).await.unwrap();
    for number in 0..100_u8 {
        target.set(Key::of([number]), Value::Int(number.into())).await.unwrap();
    }
    // Slow nodes respond to pings, and to stores after 1.9 s.
    let mut slow = Vec::new();
    for number in 0..20_u8 {
        let endpoint = slow_node(&network, &format!("22.0.{number}.1:7000"), number);
        let client = KademliaClient::new(&endpoint, target.local_addr());
        let id = rpcudp_kademlia::NodeId::from_bytes([number; 20]);
        client.find_node(id, Key::of("key")).await.unwrap();
        slow.push(endpoint);
    }
    let newcomer = node_at(&network, "23.0.0.1:7000").await;
    newcomer.bootstrap(&[target.local_addr()]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let handed_over = newcomer.value_count();
    // The target hands over the values to whose keys it is the closest, about half of them.
    assert!(handed_over > 10, "{handed_over} values after 4 s");
}

async fn node_at(network: &Network, addr: &str) -> Node {
    Node::builder().config(Config { k: 100, ..Config::default() }).bind_transport(network.bind(addr).unwrap()).unwrap()
}

/// A node that responds to a `store` only after 1.9 s.
fn slow_node(network: &Network, addr: &str, id: u8) -> rpcudp::Endpoint {
    #[rpcudp::rpc_service]
    trait SlowKademlia {
        fn ping(&self, id: Vec<u8>) -> Vec<u8>;
        async fn store(&self, id: Vec<u8>, key: Vec<u8>, value: Value) -> bool;
        fn find_node(&self, id: Vec<u8>, key: Vec<u8>) -> Vec<u8>;
    }
    struct SlowNode(u8);
    impl SlowKademlia for SlowNode {
        fn ping(&self, _: Vec<u8>) -> Vec<u8> {
            vec![self.0; 20]
        }
        async fn store(&self, _: Vec<u8>, _: Vec<u8>, _: Value) -> bool {
            tokio::time::sleep(Duration::from_millis(1_900)).await;
            true
        }
        fn find_node(&self, _: Vec<u8>, _: Vec<u8>) -> Vec<u8> {
            Vec::new()
        }
    }
    let service = SlowKademliaServer::new(SlowNode(id));
    rpcudp::Endpoint::builder().serve(service).bind_transport(network.bind(addr).unwrap()).unwrap()
}
