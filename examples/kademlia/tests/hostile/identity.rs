use std::sync::atomic::AtomicU8;
use std::time::Duration;

use rpcudp::Endpoint;
use rpcudp_kademlia::{Config, KademliaClient, NodeId};

use crate::hostile_node::{HostileNode, UntypedKademliaServer, network, node};

#[tokio::test(start_paused = true)]
async fn a_node_that_changes_its_id_takes_one_place_at_most() {
    let network = network();
    let service = UntypedKademliaServer::new(HostileNode {
        id: AtomicU8::new(1),
        changes_its_id: true,
        contacts: |_: &[u8]| vec![],
    });
    let hostile = network.bind("203.0.113.1:7000").unwrap();
    let hostile = Endpoint::builder().serve(service).bind_transport(hostile).unwrap();
    let node = node(&network, "20.0.0.1:7000", Config::default());
    let client = KademliaClient::new(&hostile, node.local_addr());
    for id in 0..100 {
        client.ping(NodeId::from_bytes([id; 20])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(node.contact_count() <= 1);
    }
    assert!(node.stats().wrong_ids > 10, "{:?}", node.stats());
}
