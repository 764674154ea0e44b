use std::sync::atomic::AtomicU8;
use std::time::Duration;

use rpcudp::Endpoint;
use rpcudp_kademlia::{Config, KademliaClient, NodeId};

use crate::liar::{Liar, LiesServer, network, node};

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
        assert!(node.contact_count() <= 1);
    }
    assert!(node.stats().wrong_ids > 10, "{:?}", node.stats());
}
