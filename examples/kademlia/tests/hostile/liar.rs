use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Context, Endpoint, rpc_service};
use rpcudp_kademlia::{Config, Node, NodeId, Value};

/// The protocol without its types: what a liar speaks. `Vec<u8>` is `bytes`.
#[rpc_service]
pub(crate) trait Lies {
    fn ping(&self, cx: &Context, id: Vec<u8>) -> Vec<u8>;
    fn store(&self, id: Vec<u8>, key: Vec<u8>, value: Value) -> bool;
    fn find_node(&self, id: Vec<u8>, key: Vec<u8>) -> Vec<(Vec<u8>, String, u32)>;
    fn find_value(&self, id: Vec<u8>, key: Vec<u8>) -> Vec<(Vec<u8>, String, u32)>;
}

/// A liar: what it says that it knows, for a key.
pub(crate) struct Liar<F> {
    pub(crate) id: AtomicU8,
    pub(crate) changes_its_id: bool,
    pub(crate) contacts: F,
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

pub(crate) fn liar<F>(network: &Network, addr: &str, id: u8, contacts: F) -> Endpoint
where
    F: Fn(&[u8]) -> Vec<(Vec<u8>, String, u32)> + Send + Sync + 'static,
{
    let service = LiesServer::new(Liar { id: AtomicU8::new(id), changes_its_id: false, contacts });
    Endpoint::builder().serve(service).bind_transport(network.bind(addr).unwrap()).unwrap()
}

pub(crate) fn network() -> Network {
    let network = Network::new(1);
    network.set_conditions(Conditions::default().latency(Duration::from_millis(20)));
    network
}

pub(crate) fn node(network: &Network, addr: &str, config: Config) -> Node {
    let config = Config { seed: Some(7), ..config };
    Node::builder()
        .id(NodeId::from_bytes([0xaa; 20]))
        .config(config)
        .bind_transport(network.bind(addr).unwrap())
        .unwrap()
}

/// Ids that share more bits with the key than any honest one.
pub(crate) fn near(key: &[u8], number: usize) -> Vec<u8> {
    let mut id = key.to_vec();
    id[19] ^= (number + 1) as u8;
    id
}
