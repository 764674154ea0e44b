//! A node that returns with a storage: its records are older than those of the nodes that stayed.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rpcudp::sim::{Conditions, Network};
use rpcudp_kademlia::{
    Change, Config, FindValueResponse, GetError, KademliaClient, Key, MemoryStorage, Node, Record, State, Storage,
    StorageError, Timestamp, Value,
};

/// A storage that outlives its node, like a file.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<MemoryStorage>);

impl Storage for Disk {
    fn get(&self, key: &Key) -> Result<Option<Record>, StorageError> {
        self.0.get(key)
    }
    fn scan(&self, visit: &mut dyn FnMut(Key, &Record)) -> Result<(), StorageError> {
        self.0.scan(visit)
    }
    fn write(&self, changes: Vec<Change>) -> Result<(), StorageError> {
        self.0.write(changes)
    }
}

impl Disk {
    /// Returns a disk with one value, stored by another node, that expires at this time.
    fn with(key: Key, value: &str, expires_at: Timestamp) -> Self {
        let disk = Self::default();
        let origin = Some("50.0.0.1:1".parse().unwrap());
        disk.write(vec![Change::Put(key, Record { value: value.into(), origin, expires_at })]).unwrap();
        disk
    }

    fn count(&self) -> usize {
        let mut count = 0;
        self.scan(&mut |_, _| count += 1).unwrap();
        count
    }
}

fn network() -> Network {
    let network = Network::new(1);
    network.set_conditions(Conditions::default().latency(Duration::from_millis(20)));
    network
}

fn start(network: &Network, addr: &str, disk: &Disk, state: Option<State>) -> Node {
    let builder = Node::builder().storage(disk.clone());
    let builder = match state {
        Some(state) => builder.restore(state),
        None => builder,
    };
    builder.bind_transport(network.bind(addr).unwrap()).unwrap()
}

fn in_hours(hours: u64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::default() + now + Duration::from_secs(hours * 3_600)
}

const ADDRS: [&str; 3] = ["60.0.0.1:1", "60.0.1.1:1", "60.0.2.1:1"];

#[tokio::test(start_paused = true)]
async fn a_node_that_comes_back_does_not_roll_a_value_back() {
    let network = network();
    let disks = [(); 3].map(|()| Disk::default());
    let [a, b, c]: [Node; 3] = std::array::from_fn(|number| start(&network, ADDRS[number], &disks[number], None));
    for node in [&b, &c] {
        node.bootstrap(&[a.local_addr()]).await.unwrap();
    }
    let key = Key::of("colour");
    b.set(key, "blue").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(a.get(key).await.unwrap(), Some("blue".into()));
    let state = a.state();
    drop(a);
    tokio::time::sleep(Duration::from_secs(60)).await;
    b.set(key, "red").await.unwrap();

    let a = start(&network, ADDRS[0], &disks[0], Some(state));
    assert_eq!(a.value_count(), 1);
    // Peers that still know the node query it before it has joined.
    let client = KademliaClient::new(c.endpoint(), a.local_addr());
    let found = client.find_value(c.id(), key).await.unwrap();
    assert_ne!(found, FindValueResponse::Value { value: "blue".into() });
    a.bootstrap(&[]).await.unwrap();
    // A new node is not handed the old value over, and nobody gets it in the next hours.
    let d = start(&network, "60.0.3.1:1", &Disk::default(), None);
    d.bootstrap(&[a.local_addr()]).await.unwrap();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_secs(900)).await;
        for node in [&a, &b, &c, &d] {
            assert_eq!(node.get(key).await.unwrap(), Some("red".into()));
        }
    }
    assert_eq!((a.stats().superseded, disks[0].0.get(&key).unwrap().unwrap().value), (1, "red".into()));
}

#[tokio::test(start_paused = true)]
async fn a_restored_value_that_no_other_node_has_is_served_and_republished() {
    let network = network();
    let key = Key::of("colour");
    let a = start(&network, ADDRS[0], &Disk::with(key, "blue", in_hours(20)), None);
    let b = start(&network, ADDRS[1], &Disk::default(), None);
    // Alone, the node does not know what others have.
    assert_eq!(a.get(key).await.unwrap_err(), GetError::NoContacts);
    b.bootstrap(&[a.local_addr()]).await.unwrap();
    assert_eq!(b.find(key).await.value, Some("blue".into()));
    assert_eq!((a.get(key).await.unwrap(), a.stats().confirmed), (Some("blue".into()), 1));
    tokio::time::sleep(Duration::from_secs(2 * 3_600)).await;
    assert!(a.stats().republished > 0);
}

#[tokio::test(start_paused = true)]
async fn nodes_that_are_all_restored_at_once_confirm_each_other() {
    let network = network();
    let key = Key::of("colour");
    let nodes: Vec<_> = (0..10)
        .map(|number| start(&network, &format!("61.0.{number}.1:1"), &Disk::with(key, "blue", in_hours(20)), None))
        .collect();
    for node in &nodes[1..] {
        node.bootstrap(&[nodes[0].local_addr()]).await.unwrap();
    }
    let started = tokio::time::Instant::now();
    for node in &nodes {
        assert_eq!(node.get(key).await.unwrap(), Some("blue".into()));
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_expired_record_is_dropped_on_load_and_never_revived() {
    let network = network();
    let key = Key::of("colour");
    let disk = Disk::with(key, "blue", in_hours(0));
    let a = start(&network, ADDRS[0], &disk, None);
    assert_eq!((a.value_count(), a.stats().expired, disk.count()), (0, 1, 0));
    let b = start(&network, ADDRS[1], &Disk::default(), None);
    b.bootstrap(&[a.local_addr()]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2 * 3_600)).await;
    assert_eq!((b.get(key).await.unwrap(), a.get(key).await.unwrap(), b.value_count()), (None, None, 0));
}

#[tokio::test(start_paused = true)]
async fn an_expiry_far_ahead_is_clamped() {
    let network = network();
    let key = Key::of("colour");
    let disk = Disk::with(key, "blue", in_hours(50 * 365 * 24));
    let config = Config { republish_after: Duration::from_secs(1_000_000), ..Config::default() };
    let a = Node::builder().config(config).storage(disk.clone());
    let a = a.bind_transport(network.bind(ADDRS[0]).unwrap()).unwrap();
    assert_eq!(a.value_count(), 1);
    let expires_at = disk.0.get(&key).unwrap().unwrap().expires_at;
    assert!(expires_at <= in_hours(24) && expires_at > in_hours(23), "the storage has the clamped time, too");
    tokio::time::sleep(Duration::from_secs(25 * 3_600)).await;
    assert_eq!((a.value_count(), disk.count()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_record_is_not_served_between_its_expiry_and_the_next_sweep() {
    let network = network();
    let config = Config { expire_after: Duration::from_secs(3_600), ..Config::default() };
    let node = |addr| Node::builder().config(config.clone()).bind_transport(network.bind(addr).unwrap()).unwrap();
    let (a, b) = (node(ADDRS[0]), node(ADDRS[1]));
    b.bootstrap(&[a.local_addr()]).await.unwrap();
    let key = Key::of("colour");
    let client = KademliaClient::new(b.endpoint(), a.local_addr());
    assert!(client.store(b.id(), key, "blue".into()).await.unwrap());
    let found = async || client.find_value(b.id(), key).await.unwrap();
    tokio::time::sleep(Duration::from_millis(3_599_000)).await;
    assert_eq!(found().await, FindValueResponse::Value { value: Value::from("blue") });
    tokio::time::sleep(Duration::from_millis(1_001)).await;
    assert!(matches!(found().await, FindValueResponse::Contacts(_)));
}
