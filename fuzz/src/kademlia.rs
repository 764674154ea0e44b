use std::net::SocketAddr;

use rpcudp_core::codec::{decode, encode};
use rpcudp_core::{Dialect, Frame, MessageId, Request};
use rpcudp_kademlia::{Config, Contacts, FindValueResponse, Node, NodeId, ObservedAddr, Value};
use tokio::task::yield_now;

use crate::block_on;
use crate::manual_network::{ManualNetwork, Packet};

/// Decodes the input as each response of a Kademlia node, and sends it to a node as the arguments
/// of the method that the first byte selects.
///
/// A decoded response is within its limits and encodes to an equal one. A node sends a response, or
/// a refusal no longer than the request, and sends no more bytes than it received unless the
/// response consists of contacts.
pub fn kademlia(bytes: &[u8]) {
    let Some((method, arguments)) = bytes.split_first() else { return };
    responses(arguments);
    block_on(requests(METHODS[usize::from(*method) % METHODS.len()], arguments));
}

pub(crate) const METHODS: [&str; 5] = ["stun", "ping", "store", "find_node", "find_value"];

fn responses(bytes: &[u8]) {
    match decode::<FindValueResponse>(bytes) {
        Ok(FindValueResponse::Contacts(contacts)) => {
            let count = contacts.list.len() + contacts.named.len() + contacts.malformed;
            assert!(count <= Contacts::MAX_COUNT && contacts.named.len() <= Contacts::MAX_NAMED);
            assert_eq!(decode::<Contacts>(bytes).ok().as_ref(), Some(&contacts));
            let list = Contacts::from(contacts.list);
            assert_eq!(decode::<Contacts>(&encoded(&list)).ok(), Some(list));
        }
        Ok(FindValueResponse::Value { value }) => {
            let again = encoded(&value);
            assert_eq!(again.len(), value.encoded_len());
            assert_eq!(encoded(&decode::<Value>(&again).expect("an encoded value decodes")), again);
            let _ = value.to_string();
        }
        Err(_) => {}
    }
    if let Ok(addr) = decode::<ObservedAddr>(bytes) {
        assert_eq!(decode::<ObservedAddr>(&encoded(&addr)).ok(), Some(addr));
    }
}

async fn requests(method: &str, arguments: &[u8]) {
    let network = ManualNetwork::default();
    let config = Config { seed: Some(1), resolves_host_names: false, ..Config::default() };
    let node = Node::builder().id(NodeId::from_bytes([7; 20])).config(config);
    let node = node.bind_transport(network.open_port(NODE, 1)).expect("memory can be read");
    let mut contents = Vec::new();
    Request::begin(&mut contents, Dialect::Rpcudp, method, 0);
    Request::set_id(&mut contents, MessageId::from_bytes([7; 20]));
    contents.pop();
    contents.extend_from_slice(arguments);
    let request_len = contents.len();
    network.deliver(Packet { from: CALLER, to: NODE, contents });
    let mut sent = Vec::new();
    for _ in 0..16 {
        yield_now().await;
        sent.extend(network.take_sent());
    }
    let sent_len: usize = sent.iter().map(|packet| packet.contents.len()).sum();
    let responses = sent.iter().filter(|packet| match Frame::decode(&packet.contents, Dialect::Rpcudp) {
        Ok(Frame::Request(request)) => {
            assert_eq!(request.method, "ping", "a node only pings a caller");
            false
        }
        Ok(Frame::Response(_) | Frame::Failure(_)) => true,
        other => panic!("{other:?}"),
    });
    // `store` waits for the ping.
    assert!(responses.count() <= 1);
    // The response to `stun` is longer than its request.
    assert!(
        sent_len
            <= request_len.max(match method {
                "stun" => 41,
                // Also the response to a short id.
                "ping" => 43,
                // Contacts are allowed: here an empty list.
                _ => request_len + 22,
            }),
        "{sent_len} bytes for {request_len}"
    );
    assert_eq!((node.value_count(), node.contact_count()), (0, 0));
    assert_eq!(node.endpoint().stats().requests.panicked, 0);
}

/// Addresses of the internet, because a node treats those of a private network differently.
const NODE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(20, 0, 0, 1)), 1);
const CALLER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(30, 0, 0, 1)), 1);

fn encoded<T: serde::Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes, value).expect("a decoded value can be encoded");
    bytes
}
