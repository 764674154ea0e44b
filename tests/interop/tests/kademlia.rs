//! Nodes of `examples/kademlia` and of Python's unmodified `kademlia` in one network.

use std::net::SocketAddr;
use std::time::Duration;

use rpcudp_interop::{KademliaNode, KademliaNodes, Venv};
use rpcudp_kademlia::{Key, Node, State, Value};

rpcudp_interop::for_package!(
    kademlia_2_2_3,
    Kademlia: values_of_every_type_are_stored_both_ways,
    both_kinds_bootstrap_through_each_other_and_find_every_key,
    a_new_python_node_receives_its_keys,
    a_new_rust_node_receives_keys_from_python,
    a_python_node_rejoins_from_its_saved_state,
    a_rust_node_rejoins_from_its_saved_state,
    limits_are_the_same_on_both_sides,
);

/// Starts a Rust node.
async fn rust(bootstrap: &[SocketAddr]) -> Node {
    let node = Node::bind("127.0.0.1:0").await.unwrap();
    if !bootstrap.is_empty() {
        node.bootstrap(bootstrap).await.unwrap();
    }
    node
}

/// Waits until a condition holds. Panics after 20 s.
async fn until(description: &str, mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not within 20 s: {description}");
}

async fn values_of_every_type_are_stored_both_ways(venv: &Venv) {
    let python = KademliaNodes::start(venv).await;
    let node = rust(&[]).await;
    let other = python.listen().await;
    assert_eq!(python.bootstrap(other, &[node.local_addr()]).await, 1);

    let values: [(Value, &str, &str); 17] = [
        (Value::Int(0), "0", "int 0"),
        (Value::Int(-1), "-1", "int -1"),
        (Value::Int(128), "128", "int 128"),
        (Value::Int(i64::MIN), "-9223372036854775808", "int -9223372036854775808"),
        (Value::Int(i64::MAX), "9223372036854775807", "int 9223372036854775807"),
        (Value::Unsigned(u64::MAX), "18446744073709551615", "int 18446744073709551615"),
        (Value::Float(0.5), "0.5", "float 0.5"),
        (Value::Float(-0.0), "-0.0", "float -0.0"),
        (Value::Float(1e300), "1e300", "float 1e+300"),
        (Value::Bool(true), "True", "bool True"),
        (Value::Bool(false), "False", "bool False"),
        ("".into(), "''", "str ''"),
        ("text, größer".into(), "'text, größer'", "str 'text, größer'"),
        (
            "long ".repeat(1_000).into(),
            &format!("'{}'", "long ".repeat(1_000)),
            &format!("str '{}'", "long ".repeat(1_000)),
        ),
        (Value::Bytes(vec![]), "b''", "bytes b''"),
        (Value::Bytes(b"\x00\x01\x02".into()), r"b'\x00\x01\x02'", r"bytes b'\x00\x01\x02'"),
        (
            Value::Bytes(vec![b'x'; 8_000]),
            &format!("b'{}'", "x".repeat(8_000)),
            &format!("bytes b'{}'", "x".repeat(8_000)),
        ),
    ];
    for (number, (value, literal, description)) in values.into_iter().enumerate() {
        let key = format!("from Rust {number}");
        assert_eq!(node.set(Key::of(&key), value.clone()).await.unwrap(), 1, "{value:?}");
        assert_eq!(python.stored(other, &key).await, description);
        assert_eq!(python.get(other, &key).await, description);

        let key = format!("from Python {number}");
        assert_eq!(python.set(other, &key, literal).await, "bool True");
        // `get` may return the node's own copy; `find` asks the other nodes.
        assert_eq!(node.get(Key::of(&key)).await.unwrap().as_ref(), Some(&value));
        if let Some(found) = node.find(Key::of(&key)).await.value {
            assert_eq!(found, value);
        }
    }
    assert_eq!(node.get(Key::of("unset key")).await.unwrap(), None);
    assert_eq!(python.get(other, "unset key").await, "None");
}

/// Twenty nodes of each kind share two hundred keys; each key is read from two nodes of each kind.
async fn both_kinds_bootstrap_through_each_other_and_find_every_key(venv: &Venv) {
    const EACH: usize = 20;
    const KEYS: usize = 200;
    let python = KademliaNodes::start(venv).await;
    let mut rusts: Vec<Node> = vec![rust(&[]).await];
    let mut pythons: Vec<KademliaNode> = Vec::new();
    for _ in 0..EACH {
        let node = python.listen().await;
        let through = rusts[pythons.len() % rusts.len()].local_addr();
        assert!(python.bootstrap(node, &[through]).await > 0);
        pythons.push(node);
        if rusts.len() < EACH {
            rusts.push(rust(&[pythons[rusts.len() - 1].addr]).await);
        }
    }
    assert_eq!((rusts.len(), pythons.len()), (EACH, EACH));

    for number in 0..KEYS {
        let key = format!("key {number}");
        if number % 2 == 0 {
            rusts[number / 2 % EACH].set(Key::of(&key), format!("value {number}")).await.unwrap();
        } else {
            let literal = format!("'value {number}'");
            assert_eq!(python.set(pythons[number / 2 % EACH], &key, &literal).await, "bool True");
        }
    }

    let mut lookups = Vec::new();
    for number in 0..KEYS {
        for round in 0..2 {
            lookups.push((number, (number * 7 + round * 11) % EACH));
        }
    }
    for (number, node) in &lookups {
        let value = rusts[*node].get(Key::of(format!("key {number}"))).await.unwrap();
        assert_eq!(value, Some(format!("value {number}").into()), "key {number}, Rust node {node}");
    }
    let python_lookups: Vec<_> =
        lookups.iter().map(|(number, node)| (pythons[*node], format!("key {number}"))).collect();
    let values = python.get_all(&python_lookups).await;
    for ((number, node), value) in lookups.iter().zip(values) {
        assert_eq!(value, format!("str 'value {number}'"), "key {number}, Python node {node}");
    }
}

async fn a_new_python_node_receives_its_keys(venv: &Venv) {
    let python = KademliaNodes::start(venv).await;
    let first = rust(&[]).await;
    let second = rust(&[first.local_addr()]).await;
    for number in 0..20 {
        second.set(Key::of(format!("key {number}")), number).await.unwrap();
    }
    let new_node = python.listen().await;
    assert_eq!(python.bootstrap(new_node, &[first.local_addr()]).await, 2);
    for number in 0..20 {
        let expected = format!("int {number}");
        until("the new node has its keys", async || {
            python.stored(new_node, &format!("key {number}")).await == expected
        })
        .await;
    }
    assert_eq!(first.stats().handed_over + second.stats().handed_over, 20, "each key is handed over by one node");
}

async fn a_new_rust_node_receives_keys_from_python(venv: &Venv) {
    let python = KademliaNodes::start(venv).await;
    let (first, second) = (python.listen().await, python.listen().await);
    python.bootstrap(second, &[first.addr]).await;
    for number in 0..60 {
        assert_eq!(python.set(second, &format!("key {number}"), &number.to_string()).await, "bool True");
    }
    let new_node = rust(&[first.addr]).await;
    // Python selects the keys of a new node by the digest of a digest, so it hands over some keys,
    // but not the nearest ones.
    until("the new node has some keys", async || new_node.value_count() >= 10).await;
    for number in 0..60 {
        assert_eq!(new_node.get(Key::of(format!("key {number}"))).await.unwrap(), Some(number.into()));
    }
}

async fn a_python_node_rejoins_from_its_saved_state(venv: &Venv) {
    let python = KademliaNodes::start(venv).await;
    let first = rust(&[]).await;
    let second = rust(&[first.local_addr()]).await;
    second.set(Key::of("key"), 7).await.unwrap();
    let node = python.listen().await;
    python.bootstrap(node, &[first.local_addr()]).await;
    let path = std::env::temp_dir().join(format!("rpcudp-interop-{}.state", node.addr.port()));
    python.save_state(node, &path).await;
    python.stop(node).await;

    let back = python.load_state(&path).await;
    std::fs::remove_file(&path).unwrap();
    assert_ne!(back.addr, node.addr);
    assert_eq!(python.get(back, "key").await, "int 7");
    // The node has its old id at a new address, and the old address does not respond any more.
    until("Rust has the new address", async || first.state().contacts.iter().any(|contact| contact.addr == back.addr))
        .await;
}

async fn a_rust_node_rejoins_from_its_saved_state(venv: &Venv) {
    let python = KademliaNodes::start(venv).await;
    let (first, second) = (python.listen().await, python.listen().await);
    python.bootstrap(second, &[first.addr]).await;
    let node = rust(&[first.addr]).await;
    python.set(second, "key", "7").await;
    let path = std::env::temp_dir().join(format!("rpcudp-interop-{}.json", node.local_addr().port()));
    node.state().save(&path).unwrap();
    let id = node.id();
    node.close(Duration::ZERO).await;

    let state = State::load(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let back = Node::builder().restore(state).bind("127.0.0.1:0").await.unwrap();
    assert_eq!(back.id(), id);
    assert_eq!(back.bootstrap(&[]).await.unwrap(), 2);
    assert_eq!(back.get(Key::of("key")).await.unwrap(), Some(7.into()));
}

async fn limits_are_the_same_on_both_sides(venv: &Venv) {
    let python = KademliaNodes::start(venv).await;
    let node = rust(&[]).await;
    let other = python.listen().await;
    python.bootstrap(other, &[node.local_addr()]).await;
    // It becomes a contact once it has responded.
    while node.contact_count() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The msgpack head of the value takes three bytes.
    let largest = vec![b'x'; Value::MAX_LEN - 3];
    assert_eq!(node.set(Key::of("largest"), largest.clone()).await.unwrap(), 1);
    assert_eq!(python.stored(other, "largest").await, format!("bytes b'{}'", "x".repeat(largest.len())));
    // Python forwards a value of this size, too.
    let literal = format!("b'{}'", "x".repeat(largest.len()));
    assert_eq!(python.set(other, "Python's", &literal).await, "bool True");
    assert_eq!(node.get(Key::of("Python's")).await.unwrap(), Some(largest.clone().into()));
    let error = node.set(Key::of("too large"), [&largest[..], b"x"].concat()).await.unwrap_err();
    assert_eq!(error.to_string(), "the value has 8141 bytes, and 8140 are allowed: split it into several");
}
