//! The test suite of Python's `kademlia` with `kad` as the other node, and requests of Python nodes
//! that the suite does not make.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rpcudp_interop::{Kad, KademliaNodes, Venv};

rpcudp_interop::for_package!(
    kademlia_2_2_3,
    Kademlia: the_packages_own_suite_passes,
    a_value_that_no_node_stores_is_refused_at_once,
    nodes_with_short_ids_store_and_find,
    a_contact_with_a_host_name_is_found,
    kad_joins_through_the_address_that_responds,
);

async fn the_packages_own_suite_passes(venv: &Venv) {
    let kad = Kad::start(&[]).await;
    let output = venv.run_kademlia_suite(kad.addr).await;
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    let summary = stdout.lines().last().unwrap();
    assert!(summary.contains(" passed") && !summary.contains("skipped"), "{summary}");
    println!("{summary}");
}

async fn a_value_that_no_node_stores_is_refused_at_once(venv: &Venv) {
    let python = KademliaNodes::start(venv).await;
    let kad = Kad::start(&[]).await;
    let node = python.listen().await;
    assert_eq!(python.bootstrap(node, &[kad.addr]).await, 1);
    for literal in ["['a', 1]", "{'a': 1}", "None", "(1, 2)"] {
        assert_eq!(python.store(node, kad.addr, "key", literal).await, "bool False", "{literal}");
        // Python waits for 5 s if no response arrives, and then drops the node.
        let millis = python.set_digest(node, "key", literal).await;
        assert!(millis < 4_000, "{literal}: {millis} ms");
        assert_eq!(python.contact_count(node).await, 1);
    }
    assert_eq!(python.set(node, "key", "'text'").await, "bool True");
    assert_eq!(python.get(node, "key").await, "str 'text'");
}

async fn nodes_with_short_ids_store_and_find(venv: &Venv) {
    let python = KademliaNodes::start(venv).await;
    let kad = Kad::start(&[]).await;
    for len in [4, 16] {
        let node = python.listen_with_id_len(len).await;
        assert!(python.bootstrap(node, &[kad.addr]).await >= 1, "{len}");
        let key = format!("of {len} bytes");
        assert_eq!(python.set(node, &key, "7").await, "bool True");
        let other = python.listen().await;
        assert!(python.bootstrap(other, &[kad.addr]).await >= 1);
        assert_eq!(python.get(other, &key).await, "int 7");
        // A node of ours bootstraps through it.
        let joined = Kad::start(&[node.addr]).await;
        assert!(python.bootstrap(other, &[joined.addr]).await >= 1);
    }
}

/// Python tells others the name that its user gave it.
async fn a_contact_with_a_host_name_is_found(venv: &Venv) {
    let python = KademliaNodes::start(venv).await;
    let named = rpcudp_kademlia::Node::bind("127.0.0.1:0").await.unwrap();
    let node = python.listen().await;
    assert_eq!(python.bootstrap_by_name(node, "localhost", named.local_addr().port()).await, 1);
    let third = rpcudp_kademlia::Node::bind("127.0.0.1:0").await.unwrap();
    third.bootstrap(&[node.addr]).await.unwrap();
    let closest = third.lookup(named.id().into()).await.closest;
    assert_eq!(closest.first().map(|contact| contact.id), Some(named.id()), "{closest:?}");
    assert_eq!(third.stats().malformed_contacts, 0);
}

/// `localhost` may have two addresses, of which a Python node listens on one.
async fn kad_joins_through_the_address_that_responds(venv: &Venv) {
    let python = KademliaNodes::start(venv).await;
    let [v4, v6] = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
    for (host, closed) in [(v4, v6), (v6, v4)] {
        let node = python.listen_on(host).await;
        let closed = SocketAddr::new(closed, node.addr.port());
        let put = Kad::run(&["put", "colour", "blue"], &[closed, node.addr]).await;
        assert!(put.starts_with("1 nodes store "), "{put}");
        assert_eq!(python.stored(node, "colour").await, "str 'blue'");
        assert_eq!(Kad::run(&["get", "colour"], &[node.addr, closed]).await, "blue\n");
    }
}
