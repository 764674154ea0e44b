use rpcudp::{Endpoint, rpc_service};
use rpcudp_kademlia::{Config, KademliaClient, Key, NodeId, Value};

use crate::hostile_node::{network, node};

#[tokio::test(start_paused = true)]
async fn a_value_that_is_too_large_is_neither_stored_nor_returned() {
    #[rpc_service]
    trait LargeValue {
        fn ping(&self, id: Vec<u8>) -> Vec<u8>;
        fn find_node(&self, id: Vec<u8>, key: Vec<u8>) -> Vec<u8>;
        fn find_value(&self, id: Vec<u8>, key: Vec<u8>) -> std::collections::BTreeMap<String, Vec<u8>>;
    }
    struct LargeValueNode;
    impl LargeValue for LargeValueNode {
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
    let socket = network.bind("203.0.113.1:7000").unwrap();
    let hostile = Endpoint::builder().serve(LargeValueServer::new(LargeValueNode)).max_request_len(60_000);
    let hostile = hostile.bind_transport(socket).unwrap();
    let node = node(&network, "20.0.0.1:7000", Config::default());
    node.bootstrap(&[hostile.local_addr()]).await.unwrap();
    assert_eq!(node.find(Key::of("key")).await.value, None);
    let client = KademliaClient::new(&hostile, node.local_addr());
    let too_large = Value::Bytes(vec![0; Value::MAX_LEN]);
    assert!(!client.store(NodeId::from_bytes([1; 20]), Key::of("key"), too_large).await.unwrap());
    assert_eq!((node.value_count(), node.stats().oversized_values), (0, 1));
}
