//! Two peers that call and serve at the same time, each through a single socket.

use rpcudp_interop::{CallOutcome, PeerClient, PeerServer, RustPeer, Venv};

rpcudp_interop::for_each_peer!(
    peers_call_each_other_concurrently_on_one_socket,
    handlers_see_the_socket_of_the_caller_as_sender,
    handlers_call_their_callers_back,
    python_ignores_metadata,
);

async fn peers_call_each_other_concurrently_on_one_socket(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    let peer = PeerClient::new(&rust, python.addr());

    let rust_calls = async {
        for number in 0..100 {
            assert_eq!(peer.add(number, 1).await.unwrap(), number + 1);
            assert_eq!(peer.add_later(number, 2).await.unwrap(), number + 2);
        }
    };
    let arguments: Vec<_> = (0..200).map(|number| vec![number.to_string(), "1".into()]).collect();
    let python_calls = async {
        let outcome = python.calls(rust.local_addr(), "add", &arguments, 1).await;
        let expected: Vec<_> = (0..200).map(|number| CallOutcome::returned(format!("int {}", number + 1))).collect();
        assert_eq!(outcome, expected);
    };
    tokio::join!(rust_calls, python_calls);

    let stats = rust.stats();
    assert_eq!((stats.calls.completed, stats.requests.completed), (200, 200));
    assert_eq!(stats.dropped_in_all(), 0, "{stats:?}");
    assert!(!python.stderr().contains("Traceback"));
}

async fn handlers_see_the_socket_of_the_caller_as_sender(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();

    let (host, port) = PeerClient::new(&rust, python.addr()).sender().await.unwrap();
    assert_eq!((host.as_str(), port), ("127.0.0.1", rust.local_addr().port()));
    let outcome = python.call(rust.local_addr(), "sender", &[]).await;
    assert_eq!(outcome, CallOutcome::returned(format!("list [str '127.0.0.1', int {}]", python.addr().port())));
}

async fn handlers_call_their_callers_back(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();

    assert_eq!(PeerClient::new(&rust, python.addr()).call_back(41).await.unwrap(), 42);
    let stats = rust.stats();
    assert_eq!((stats.calls.completed, stats.requests.completed), (1, 1), "Python has called back");

    assert_eq!(python.call(rust.local_addr(), "call_back", &["41"]).await, CallOutcome::returned("int 42"));
    let stats = rust.stats();
    assert_eq!((stats.calls.completed, stats.requests.completed), (2, 2), "Rust has called back");
}

async fn python_ignores_metadata(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();
    let peer = PeerClient::new(&rust, python.addr());
    for len in [0, 100, 505] {
        let value = "x".repeat(len);
        assert_eq!(peer.add(40, 2).metadata("key1", &value).await.unwrap(), 42);
        assert_eq!(peer.add_later(40, 2).metadata("key1", &value).await.unwrap(), 42);
    }
    assert!(!python.stderr().contains("Traceback"));
}
