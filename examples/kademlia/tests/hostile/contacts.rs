use std::net::SocketAddr;
use std::time::Duration;

use rpcudp_kademlia::{Config, Key};

use crate::hostile_node::{hostile_node, id_near, network, node};

#[tokio::test(start_paused = true)]
async fn unusable_addresses_get_no_datagram() {
    let network = network();
    let unusable =
        ["203.0.113.9:0", "0.0.0.0:7", "224.0.0.1:7", "255.255.255.255:7", "127.0.0.1:7", "10.0.0.1:7", "[::]:7"];
    let own_addr = "20.0.0.1:7000";
    let contacts = move |key: &[u8]| {
        let addrs = unusable.iter().chain([&own_addr]).map(|addr| addr.parse::<SocketAddr>().unwrap());
        addrs.enumerate().map(|(n, addr)| (id_near(key, n), addr.ip().to_string(), addr.port().into())).collect()
    };
    let hostile = hostile_node(&network, "203.0.113.1:7000", 1, contacts);
    let node = node(&network, own_addr, Config::default());
    assert_eq!(node.bootstrap(&[hostile.local_addr()]).await.unwrap(), 1);
    let result = node.lookup(Key::of("key")).await;
    assert_eq!(result.queried.len(), 1);
    assert!(node.stats().unusable_addrs >= 16, "{:?}", node.stats());
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(network.stats().unreachable, 0, "a datagram was sent to an unreachable address");
    // The node's own user cannot make it send there either.
    let error = node.bootstrap(&["224.0.0.1:1".parse().unwrap()]).await.unwrap_err();
    assert_eq!(error.to_string(), "no node can be at 224.0.0.1:1: give the address and port of a node");
}

#[tokio::test(start_paused = true)]
async fn malformed_contacts_do_not_invalidate_the_others() {
    let network = network();
    let contacts = |key: &[u8]| {
        vec![
            (key[..19].to_vec(), "30.0.0.1".into(), 7),
            (vec![], "30.0.0.1".into(), 7),
            ([key, key].concat(), "30.0.0.1".into(), 7),
            (id_near(key, 0), "example.org".into(), 7),
            (id_near(key, 1), String::new(), 7),
            (id_near(key, 2), "30.0.0.1".into(), 70_000),
            // The only well-formed contact.
            (vec![2; 20], "203.0.114.1".into(), 7_000),
        ]
    };
    let hostile = hostile_node(&network, "203.0.113.1:7000", 1, contacts);
    let _honest = hostile_node(&network, "203.0.114.1:7000", 2, |_| vec![]);
    let node = node(&network, "20.0.0.1:7000", Config::default());
    node.bootstrap(&[hostile.local_addr()]).await.unwrap();
    assert_eq!(node.lookup(Key::of("key")).await.closest.len(), 2);
    assert_eq!(node.stats().malformed_contacts % 6, 0);
    assert!(node.stats().malformed_contacts >= 12, "{:?}", node.stats());
}

#[tokio::test(start_paused = true)]
async fn a_response_with_thousands_of_contacts_is_refused() {
    let network = network();
    let contacts = |key: &[u8]| {
        let contact = |number: usize| (id_near(key, number), format!("30.0.{}.1", number % 200), 7);
        (0..1_200).map(contact).collect()
    };
    let hostile = hostile_node(&network, "203.0.113.1:7000", 1, contacts);
    let node = node(&network, "20.0.0.1:7000", Config::default());
    node.bootstrap(&[hostile.local_addr()]).await.unwrap();
    let result = node.lookup(Key::of("key")).await;
    assert_eq!((result.queried.len(), result.closest.len()), (1, 0));
    assert!(node.stats().bad_responses >= 1);
    assert_eq!(network.stats().unreachable, 0);
}
