use std::net::SocketAddr;
use std::time::Duration;

use rpcudp_kademlia::{Config, Key};

use crate::liar::{liar, near, network, node};

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
    assert_eq!(search.queried.len(), 1);
    assert!(node.stats().unusable_addrs >= 16, "{:?}", node.stats());
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
    assert_eq!((search.queried.len(), search.closest.len()), (1, 0));
    assert!(node.stats().bad_responses >= 1);
    assert_eq!(network.stats().unreachable, 0);
}
