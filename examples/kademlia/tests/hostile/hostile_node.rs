use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Context, Endpoint, rpc_service};
use rpcudp_kademlia::{Config, Node, NodeId, Value};

/// The protocol with untyped ids, so that a test can send malformed ones. `Vec<u8>` is `bytes`.
#[rpc_service]
pub(crate) trait UntypedKademlia {
    fn ping(&self, cx: &Context, id: Vec<u8>) -> Vec<u8>;
    fn store(&self, id: Vec<u8>, key: Vec<u8>, value: Value) -> bool;
    fn find_node(&self, id: Vec<u8>, key: Vec<u8>) -> Vec<(Vec<u8>, String, u32)>;
    fn find_value(&self, id: Vec<u8>, key: Vec<u8>) -> Vec<(Vec<u8>, String, u32)>;
}

/// A node that returns false contacts.
pub(crate) struct HostileNode<F> {
    /// The byte that the node's id consists of.
    pub(crate) id: AtomicU8,
    /// Whether each response to a ping has another id.
    pub(crate) changes_its_id: bool,
    /// Returns the contacts in the response for a key.
    pub(crate) contacts: F,
}

impl<F: Fn(&[u8]) -> Vec<(Vec<u8>, String, u32)> + Send + Sync> UntypedKademlia for HostileNode<F> {
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

pub(crate) fn hostile_node<F>(network: &Network, addr: &str, id: u8, contacts: F) -> Endpoint
where
    F: Fn(&[u8]) -> Vec<(Vec<u8>, String, u32)> + Send + Sync + 'static,
{
    let service = UntypedKademliaServer::new(HostileNode { id: AtomicU8::new(id), changes_its_id: false, contacts });
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

/// Returns an id that shares more bits with the key than the id of any honest node.
pub(crate) fn id_near(key: &[u8], number: usize) -> Vec<u8> {
    let mut id = key.to_vec();
    id[19] ^= (number + 1) as u8;
    id
}
