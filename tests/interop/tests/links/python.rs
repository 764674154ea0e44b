use std::time::Duration;

use rpcudp::{CallError, DropReason, Endpoint, LinkEnd};
use rpcudp_interop::{CallOutcome, KademliaNodes, PeerClient, PeerServer, RustPeer, Venv, blob};
use rpcudp_kademlia::{Key, Node};
use tokio::task::JoinSet;

use crate::frames::{ADD, SUM, request, response};
use crate::quinn_peer::{QuinnPeer, receive};
use crate::{identity, peer, rust};

rpcudp_interop::for_package!(
    rpcudp_5_0_1,
    Rpcudp5: python_peers_and_links_share_a_port,
    first_datagrams_of_links_leave_no_line_in_the_log_of_a_python_peer,
);
rpcudp_interop::for_package!(
    rpcudp_4_0_0,
    Rpcudp4: python_peers_and_links_share_a_port,
    first_datagrams_of_links_leave_no_line_in_the_log_of_a_python_peer,
);
rpcudp_interop::for_package!(kademlia_2_2_3, Kademlia: kademlia_network_and_links_share_a_port);

/// Calls an endpoint over links, with rpcudp and with quinn.
async fn call_over_links(rust: &Endpoint, caller: u8, count: u8) {
    let addr = rust.local_addr();
    let builder = Endpoint::builder().identity(identity(caller)).serve(PeerServer::new(RustPeer));
    let linked = builder.bind("127.0.0.1:0").await.unwrap();
    let client = PeerClient::secure(&linked, addr, peer(1));
    let connection = QuinnPeer::client(caller + 1).connect(addr).await.unwrap();
    for number in 0..count {
        assert_eq!(client.add_later(number.into(), 1).await.unwrap(), i64::from(number) + 1);
        assert_eq!(client.blob(20_000).await.unwrap(), blob(20_000));
        connection.send_datagram(request(number, ADD).into()).unwrap();
        assert_eq!(receive(&connection).await, response(number, SUM));
    }
}

async fn python_peers_and_links_share_a_port(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = rust().await;
    let to_python = async {
        let client = PeerClient::new(&rust, python.addr());
        for number in 0..200 {
            assert_eq!(client.add(number, 1).await.unwrap(), number + 1);
            assert_eq!(client.call_back(number).await.unwrap(), number + 1);
        }
    };
    let arguments: Vec<_> = (0..400).map(|number| vec![number.to_string(), "1".into()]).collect();
    let from_python = python.calls(rust.local_addr(), "add", &arguments, 4);
    let ((), outcomes, ()) = tokio::join!(to_python, from_python, call_over_links(&rust, 2, 200));
    let expected: Vec<_> = (1..=400).map(|sum| CallOutcome::returned(format!("int {sum}"))).collect();
    assert_eq!(outcomes, expected);
    assert_eq!((rust.link_stats().established, rust.stats().dropped_in_all()), (2, 0));
    assert_eq!(python.stderr(), "");
}

/// A first datagram is like a request to Python, and its byte 21 is msgpack's nil. Without it, a
/// third of them would make Python log an exception.
async fn first_datagrams_of_links_leave_no_line_in_the_log_of_a_python_peer(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = rust().await;
    let mut calls = JoinSet::new();
    for number in 0..200 {
        // A link for each key.
        let client = PeerClient::secure(&rust, python.addr(), peer(number + 2));
        calls.spawn(client.add(1, 2).timeout(Duration::from_millis(500)));
    }
    for outcome in calls.join_all().await {
        assert!(matches!(outcome, Err(CallError::Link { reason: LinkEnd::NoAnswer, .. })), "{outcome:?}");
    }
    assert!(rust.stats().datagrams.sent >= 200);
    assert_eq!(PeerClient::new(&rust, python.addr()).add(1, 2).await.unwrap(), 3);
    assert_eq!(python.stderr(), "");
}

async fn kademlia_network_and_links_share_a_port(venv: &Venv) {
    let python = KademliaNodes::start(venv).await;
    let builder = Node::builder().serve(PeerServer::new(RustPeer)).endpoint(|builder| builder.identity(identity(1)));
    let node = builder.bind("127.0.0.1:0").await.unwrap();
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(python.listen().await);
        assert!(python.bootstrap(*others.last().unwrap(), &[node.local_addr()]).await > 0);
    }
    let network = async {
        for number in 0..60_usize {
            let (key, other) = (format!("key {number}"), others[number % others.len()]);
            node.set(Key::of(&key), number as i64).await.unwrap();
            assert_eq!(python.get(other, &key).await, format!("int {number}"));
            let key = format!("Python's key {number}");
            assert_eq!(python.set(other, &key, &number.to_string()).await, "bool True");
            assert_eq!(node.get(Key::of(&key)).await.unwrap(), Some((number as i64).into()));
        }
    };
    tokio::join!(network, call_over_links(node.endpoint(), 2, 200));
    assert_eq!(node.endpoint().link_stats().established, 2);
    assert_eq!(node.endpoint().stats().dropped(DropReason::UnknownKind), 0);
}
