//! The background work of nodes: values are handed over, republished, cached and expired.

use std::fmt;
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp_kademlia::swarm::{Swarm, key, value};
use rpcudp_kademlia::{
    Change, Config, KademliaClient, Key, MemoryStorage, Node, Record, SetError, Storage, StorageError,
};

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

fn swarm(config: Config) -> (Network, Swarm) {
    let network = Network::new(1);
    network.set_conditions(Conditions::default().latency(Duration::from_millis(20)).jitter(Duration::from_millis(10)));
    (network.clone(), Swarm::simulated(network, 1, config))
}

#[tokio::test(start_paused = true)]
async fn a_new_node_is_handed_over_its_values_once() {
    let config = Config { k: 4, republish_after: minutes(10_000), ..Config::default() };
    let (_network, mut swarm) = swarm(config);
    swarm.grow(12, |_| ()).await.unwrap();
    swarm.set(0..50, |_| ()).await.unwrap();
    swarm.grow(1, |_| ()).await.unwrap();
    tokio::time::sleep(minutes(1)).await;

    let new_node = swarm.nodes.last().unwrap();
    let ids: Vec<_> = swarm.nodes.iter().map(Node::id).collect();
    let is_near = |key: &Key| ids.iter().filter(|id| id.distance(key) < new_node.id().distance(key)).count() < 4;
    let expected = (0..50).filter(|number| is_near(&key(*number))).count();
    assert!(expected > 5, "{expected}");
    // The closest nodes hand over the values that they have. Other values arrive when they are
    // republished.
    let stored_count = new_node.value_count();
    assert!(stored_count <= expected && stored_count * 10 >= expected * 9, "{stored_count} of {expected}");
    let handed_over: u64 = swarm.nodes.iter().map(|node| node.stats().handed_over).sum();
    assert!(handed_over <= 2 * expected as u64, "{handed_over} handed over, {expected} expected");
}

#[tokio::test(start_paused = true)]
async fn values_outlive_the_nodes_that_stored_them_first() {
    let (_network, mut swarm) = swarm(Config { k: 4, ..Config::default() });
    swarm.grow(16, |_| ()).await.unwrap();
    swarm.set(0..30, |_| ()).await.unwrap();
    // Within a day, all nodes are replaced by new ones, three at a time.
    for _ in 0..6 {
        swarm.grow(3, |_| ()).await.unwrap();
        tokio::time::sleep(minutes(120)).await;
        swarm.nodes.drain(..3);
        tokio::time::sleep(minutes(120)).await;
    }
    let report = swarm.find(0..30, |_| ()).await;
    assert!(report.missing.is_empty(), "{:?}", report.missing);
    assert!(swarm.nodes.iter().map(|node| node.stats().republished).sum::<u64>() > 30);
}

#[tokio::test(start_paused = true)]
async fn values_that_are_not_stored_again_expire() {
    let config = Config { expire_after: minutes(60), republish_after: minutes(10_000), ..Config::default() };
    let (_network, mut swarm) = swarm(config);
    swarm.grow(8, |_| ()).await.unwrap();
    swarm.set(0..10, |_| ()).await.unwrap();
    tokio::time::sleep(minutes(50)).await;
    // One value is set again, which renews its expiry time.
    swarm.set(3..4, |_| ()).await.unwrap();
    tokio::time::sleep(minutes(20)).await;
    for number in 0..10 {
        let expected = (number == 3).then(|| value(number));
        assert_eq!(swarm.nodes[0].get(key(number)).await.unwrap(), expected, "key {number}");
    }
    tokio::time::sleep(minutes(60)).await;
    assert!(swarm.nodes.iter().all(|node| node.value_count() == 0));
}

#[tokio::test(start_paused = true)]
async fn cached_copies_expire_sooner() {
    let config = Config { k: 2, republish_after: minutes(10_000), ..Config::default() };
    let (_network, mut swarm) = swarm(config);
    swarm.grow(30, |_| ()).await.unwrap();
    swarm.set(0..20, |_| ()).await.unwrap();
    let stored = |swarm: &Swarm| swarm.nodes.iter().map(Node::value_count).sum::<usize>();
    let before = stored(&swarm);
    for _ in 0..5 {
        assert!(swarm.find(0..20, |_| ()).await.missing.is_empty());
    }
    tokio::time::sleep(minutes(1)).await;
    let cached: u64 = swarm.nodes.iter().map(|node| node.stats().cached).sum();
    let with_copies = stored(&swarm);
    assert!(cached > 0 && with_copies > before, "{cached} cached, {before} and then {with_copies} stored");
    // The copies expire first, at the latest after half a day.
    tokio::time::sleep(minutes(13 * 60)).await;
    let left = stored(&swarm);
    assert!(left < with_copies && left >= 20, "{left} of {with_copies}");
    assert!(swarm.find(0..20, |_| ()).await.missing.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_node_is_not_returned_to_peers() {
    let (network, mut swarm) = swarm(Config::default());
    network.return_undeliverable(true);
    swarm.grow(20, |_| ()).await.unwrap();
    let unreachable = swarm.nodes.pop().unwrap();
    let (id, addr) = (unreachable.id(), unreachable.local_addr());
    drop(unreachable);
    // Each node notices the failure in a lookup.
    for node in &swarm.nodes {
        node.lookup(id.into()).await;
    }
    let caller = swarm.start().await.unwrap();
    for node in &swarm.nodes {
        let client = KademliaClient::new(caller.endpoint(), node.local_addr());
        let response = client.find_node(caller.id(), id.into()).await.unwrap();
        assert!(response.list.len() >= 15);
        assert!(response.list.iter().all(|contact| contact.addr != addr), "{:?} returns it", node.id());
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_observes_its_address_and_reports_an_empty_routing_table() {
    let (_network, mut swarm) = swarm(Config::default());
    let alone = swarm.start().await.unwrap();
    assert_eq!(
        alone.get(key(1)).await.unwrap_err().to_string(),
        "the routing table is empty: bootstrap the node first"
    );
    assert_eq!(alone.set(key(1), value(1)).await.unwrap_err(), SetError::NoContacts);
    let error = alone.bootstrap(&[]).await.unwrap_err();
    assert!(error.to_string().starts_with("no address to bootstrap from"), "{error}");
    swarm.grow(1, |_| ()).await.unwrap();
    assert_eq!(alone.observed_addr(swarm.nodes[0].local_addr()).await.unwrap(), alone.local_addr());
}

/// A storage that fails every write, like a full disk.
#[derive(Debug, Default)]
struct FullDisk(MemoryStorage);

impl Storage for FullDisk {
    fn get(&self, key: &Key) -> Result<Option<Record>, StorageError> {
        self.0.get(key)
    }
    fn scan(&self, visit: &mut dyn FnMut(Key, &Record)) -> Result<(), StorageError> {
        self.0.scan(visit)
    }
    fn write(&self, changes: Vec<Change>) -> Result<(), StorageError> {
        match changes[..] {
            [] => Ok(()),
            _ => Err(StorageError::new("writing values", fmt::Error)),
        }
    }
    fn is_blocking(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_the_storage_fails_to_write_is_not_acknowledged() {
    let (network, mut swarm) = swarm(Config::default());
    swarm.grow(1, |_| ()).await.unwrap();
    let full = Node::builder().storage(FullDisk::default());
    let full = full.bind_transport(network.bind("20.0.0.1:1").unwrap()).unwrap();
    full.bootstrap(&[swarm.nodes[0].local_addr()]).await.unwrap();
    assert_eq!(swarm.nodes[0].set(key(1), value(1)).await.unwrap_err(), SetError::NotStored { node_count: 1 });
    assert_eq!((full.value_count(), full.stored_len(), full.stats().storage_failures), (0, 0, 1));
    assert_eq!(full.stats().stored, 0);
}
