//! Strangers who lie, flood and forge: what they say is refused and counted, and the others go on.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
use rpcudp::{Context, Endpoint, rpc_service};
use rpcudp_kademlia::swarm::Swarm;
use rpcudp_kademlia::{Config, KademliaClient, Key, Node, NodeId, Value};

/// The protocol without its types: what a liar speaks. `Vec<u8>` is `bytes`.
#[rpc_service]
trait Lies {
    fn ping(&self, cx: &Context, id: Vec<u8>) -> Vec<u8>;
    fn store(&self, id: Vec<u8>, key: Vec<u8>, value: Value) -> bool;
    fn find_node(&self, id: Vec<u8>, key: Vec<u8>) -> Vec<(Vec<u8>, String, u32)>;
    fn find_value(&self, id: Vec<u8>, key: Vec<u8>) -> Vec<(Vec<u8>, String, u32)>;
}

/// A liar: what it says that it knows, for a key.
struct Liar<F> {
    id: AtomicU8,
    changes_its_id: bool,
    contacts: F,
}

impl<F: Fn(&[u8]) -> Vec<(Vec<u8>, String, u32)> + Send + Sync> Lies for Liar<F> {
    fn ping(&self, _: &Context, _: Vec<u8>) -> Vec<u8> {
        let step = u8::from(self.changes_its_id);
        vec![self.id.fetch_add(step, Ordering::Relaxed); 20]
    }
    fn store(&self, _: Vec<u8>, _: Vec<u8>, _: Value) -> bool {
        true
    }
    fn find_node(&self, _: Vec<u8>, key: Vec<u8>) -> Vec<(Vec<u8>, String, u32)> {
        (self.contacts)(&key)
    }
    fn find_value(&self, _: Vec<u8>, key: Vec<u8>) -> Vec<(Vec<u8>, String, u32)> {
        (self.contacts)(&key)
    }
}

fn liar<F>(network: &Network, addr: &str, id: u8, contacts: F) -> Endpoint
where
    F: Fn(&[u8]) -> Vec<(Vec<u8>, String, u32)> + Send + Sync + 'static,
{
    let service = LiesServer::new(Liar { id: AtomicU8::new(id), changes_its_id: false, contacts });
    Endpoint::builder().serve(service).bind_transport(network.bind(addr).unwrap()).unwrap()
}

fn network() -> Network {
    let network = Network::new(1);
    network.set_conditions(Conditions::default().latency(Duration::from_millis(20)));
    network
}

fn node(network: &Network, addr: &str, config: Config) -> Node {
    let config = Config { seed: Some(7), ..config };
    Node::builder()
        .id(NodeId::from_bytes([0xaa; 20]))
        .config(config)
        .bind_transport(network.bind(addr).unwrap())
        .unwrap()
}

/// Ids that share more bits with the key than any honest one.
fn near(key: &[u8], number: usize) -> Vec<u8> {
    let mut id = key.to_vec();
    id[19] ^= (number + 1) as u8;
    id
}

#[tokio::test(start_paused = true)]
async fn absurd_addresses_get_no_datagram() {
    let network = network();
    let absurd =
        ["203.0.113.9:0", "0.0.0.0:7", "224.0.0.1:7", "255.255.255.255:7", "127.0.0.1:7", "10.0.0.1:7", "[::]:7"];
    let own = "20.0.0.1:7000";
    let told = move |key: &[u8]| {
        let addrs = absurd.iter().chain([&own]).map(|addr| addr.parse::<SocketAddr>().unwrap());
        addrs.enumerate().map(|(n, addr)| (near(key, n), addr.ip().to_string(), addr.port().into())).collect()
    };
    let liar = liar(&network, "203.0.113.1:7000", 1, told);
    let node = node(&network, own, Config::default());
    assert_eq!(node.bootstrap(&[liar.local_addr()]).await.unwrap(), 1);
    let search = node.lookup(Key::of("key")).await;
    assert_eq!(search.visits.len(), 1);
    assert!(node.stats().absurd_contacts >= 16, "{:?}", node.stats());
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(network.stats().unreachable, 0, "something was sent to where nobody is");
    // Nor may our own user send us there.
    let error = node.bootstrap(&["224.0.0.1:1".parse().unwrap()]).await.unwrap_err();
    assert_eq!(error.to_string(), "no node can be at 224.0.0.1:1: name one's address and port");
}

#[tokio::test(start_paused = true)]
async fn contacts_that_make_no_sense_cost_themselves_alone() {
    let network = network();
    let told = |key: &[u8]| {
        vec![
            (key[..19].to_vec(), "30.0.0.1".into(), 7),
            (vec![], "30.0.0.1".into(), 7),
            ([key, key].concat(), "30.0.0.1".into(), 7),
            (near(key, 0), "example.org".into(), 7),
            (near(key, 1), String::new(), 7),
            (near(key, 2), "30.0.0.1".into(), 70_000),
            // The only one that there is.
            (vec![2; 20], "203.0.114.1".into(), 7_000),
        ]
    };
    let liar_one = liar(&network, "203.0.113.1:7000", 1, told);
    let _honest = liar(&network, "203.0.114.1:7000", 2, |_| vec![]);
    let node = node(&network, "20.0.0.1:7000", Config::default());
    node.bootstrap(&[liar_one.local_addr()]).await.unwrap();
    assert_eq!(node.lookup(Key::of("key")).await.closest.len(), 2);
    assert_eq!(node.stats().malformed_contacts % 6, 0);
    assert!(node.stats().malformed_contacts >= 12, "{:?}", node.stats());
}

#[tokio::test(start_paused = true)]
async fn thousands_of_contacts_are_refused_as_a_whole() {
    let network = network();
    let told = |key: &[u8]| {
        let contact = |number: usize| (near(key, number), format!("30.0.{}.1", number % 200), 7);
        (0..1_200).map(contact).collect()
    };
    let liar = liar(&network, "203.0.113.1:7000", 1, told);
    let node = node(&network, "20.0.0.1:7000", Config::default());
    node.bootstrap(&[liar.local_addr()]).await.unwrap();
    let search = node.lookup(Key::of("key")).await;
    assert_eq!((search.visits.len(), search.closest.len()), (1, 0));
    assert!(node.stats().bad_answers >= 1);
    assert_eq!(network.stats().unreachable, 0);
}

#[tokio::test(start_paused = true)]
async fn who_changes_its_id_takes_no_more_than_one_place() {
    let network = network();
    let service = LiesServer::new(Liar { id: AtomicU8::new(1), changes_its_id: true, contacts: |_: &[u8]| vec![] });
    let liar = network.bind("203.0.113.1:7000").unwrap();
    let liar = Endpoint::builder().serve(service).bind_transport(liar).unwrap();
    let node = node(&network, "20.0.0.1:7000", Config::default());
    let us = KademliaClient::new(&liar, node.local_addr());
    for id in 0..100 {
        us.ping(NodeId::from_bytes([id; 20])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(node.neighbour_count() <= 1);
    }
    assert!(node.stats().wrong_ids > 10, "{:?}", node.stats());
}

/// What a stranger sends who does not answer, and how many bytes come back to it.
struct Forger {
    place: rpcudp::sim::Node,
    sent_len: usize,
    got_len: usize,
}

impl Forger {
    fn send(&mut self, to: SocketAddr, method: &str, arguments: &[&[u8]]) {
        let mut contents = vec![0];
        contents.extend([self.sent_len as u8; 20]);
        contents.extend([0x92, 0xa0 + method.len() as u8]);
        contents.extend(method.as_bytes());
        contents.push(0x90 + arguments.len() as u8);
        for argument in arguments {
            contents.extend([0xc4, argument.len() as u8]);
            contents.extend(*argument);
        }
        self.sent_len += contents.len();
        self.place.try_send(Datagram { destination: to, source: None, contents: &contents }).unwrap();
    }

    async fn listen(&mut self, time: Duration) {
        let mut batch = ReceiveBatch::new();
        let until = tokio::time::Instant::now() + time;
        while let Ok(received) =
            tokio::time::timeout_at(until, poll_fn(|cx| self.place.poll_receive(cx, &mut batch))).await
        {
            received.unwrap();
            self.got_len += batch.iter().map(|datagram| datagram.contents.len()).sum::<usize>();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_forged_sender_stores_nothing_and_is_not_stormed() {
    let network = network();
    let node = node(&network, "20.0.0.1:7000", Config::default());
    let place = network.bind("203.0.113.1:7000").unwrap();
    let mut forger = Forger { place, sent_len: 0, got_len: 0 };
    for number in 0..200_u8 {
        forger.send(node.local_addr(), "store", &[&[number; 20], &[number; 20], &[7; 100]]);
        forger.send(node.local_addr(), "ping", &[&[number; 20]]);
        forger.listen(Duration::from_millis(10)).await;
    }
    forger.listen(Duration::from_secs(10)).await;
    assert_eq!((node.value_count(), node.neighbour_count()), (0, 0));
    assert_eq!(node.stats().unproven_stores, 200);
    assert!(node.stats().too_many_introductions > 100, "{:?}", node.stats());
    assert!(forger.got_len < forger.sent_len, "{} bytes for {}", forger.got_len, forger.sent_len);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_too_large_is_neither_kept_nor_believed() {
    #[rpc_service]
    trait Boast {
        fn ping(&self, id: Vec<u8>) -> Vec<u8>;
        fn find_node(&self, id: Vec<u8>, key: Vec<u8>) -> Vec<u8>;
        fn find_value(&self, id: Vec<u8>, key: Vec<u8>) -> std::collections::BTreeMap<String, Vec<u8>>;
    }
    struct Boaster;
    impl Boast for Boaster {
        fn ping(&self, _: Vec<u8>) -> Vec<u8> {
            vec![1; 20]
        }
        fn find_node(&self, _: Vec<u8>, _: Vec<u8>) -> Vec<u8> {
            vec![]
        }
        fn find_value(&self, _: Vec<u8>, _: Vec<u8>) -> std::collections::BTreeMap<String, Vec<u8>> {
            [("value".into(), vec![0; 20_000])].into()
        }
    }
    let network = network();
    let place = network.bind("203.0.113.1:7000").unwrap();
    let boaster = Endpoint::builder().serve(BoastServer::new(Boaster)).max_request_len(60_000);
    let boaster = boaster.bind_transport(place).unwrap();
    let node = node(&network, "20.0.0.1:7000", Config::default());
    node.bootstrap(&[boaster.local_addr()]).await.unwrap();
    assert_eq!(node.find(Key::of("key")).await.value, None);
    let us = KademliaClient::new(&boaster, node.local_addr());
    let too_large = Value::Bytes(vec![0; Value::MAX_LEN]);
    assert!(!us.store(NodeId::from_bytes([1; 20]), Key::of("key"), too_large).await.unwrap());
    assert_eq!((node.value_count(), node.stats().oversized_values), (0, 1));
}

/// The sixth of the shows: strangers flood `store`, and in the same network others tell of nobody but the dead.
#[tokio::test(start_paused = true)]
async fn lookups_succeed_under_flood_and_poison() {
    let (count, keys) = if cfg!(debug_assertions) { (60, 100) } else { (300, 1_000) };
    let seed = 1;
    println!("seed {seed}");
    let network = Network::new(seed);
    network.set_conditions(Conditions::default().latency(Duration::from_millis(20)).jitter(Duration::from_millis(20)));
    let config = Config { max_stored_len: 1 << 20, max_stored_len_per_neighbourhood: 128 << 10, ..Config::default() };
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
        let (found, keys) = (findings.found(), keys as usize);
        println!("{found} of {keys} found {when} the flood");
        assert!(found * 100 >= keys * 99, "missing {:?}", findings.missing);
    }
    let refused: u64 = swarm.nodes.iter().map(|node| node.stats().full_stores).sum();
    assert!(refused > 100, "the flood was no flood: {refused}");
    for node in &swarm.nodes {
        assert!(node.stored_len() <= config.max_stored_len);
        // Two in a bucket, and a handful of buckets.
        let flooders = node.state().neighbours.into_iter().filter(|contact| is_flooder(contact.addr.ip())).count();
        assert!(flooders <= 16, "{flooders} of one network are in a table");
    }
}

fn is_flooder(ip: IpAddr) -> bool {
    ip.to_string().starts_with("77.7.7.")
}
