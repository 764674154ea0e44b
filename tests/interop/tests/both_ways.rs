//! Two peers, each with one socket, that call and serve at the same time.

use rpcudp_interop::{Ended, PeerClient, PeerServer, RustPeer, Venv};

rpcudp_interop::for_each_package!(
    both_call_each_other_at_once_on_one_socket,
    both_see_the_others_one_socket_as_the_sender,
    handlers_call_their_callers_back,
);

async fn both_call_each_other_at_once_on_one_socket(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    let peer = PeerClient::new(&rust, python.addr());

    let rust_calls = async {
        for number in 0..100 {
            assert_eq!(peer.add(number, 1).await.unwrap(), number + 1);
            assert_eq!(peer.add_later(number, 2).await.unwrap(), number + 2);
        }
    };
    let pairs: Vec<_> = (0..200).map(|number| vec![number.to_string(), "1".into()]).collect();
    let python_calls = async {
        let ended = python.calls(rust.local_addr(), "add", &pairs, 1).await;
        let expected: Vec<_> = (0..200).map(|number| Ended::answered(format!("int {}", number + 1))).collect();
        assert_eq!(ended, expected);
    };
    tokio::join!(rust_calls, python_calls);

    let stats = rust.stats();
    assert_eq!((stats.calls.completed, stats.requests.completed), (200, 200));
    assert_eq!(stats.dropped_in_all(), 0, "{stats:?}");
    assert!(!python.stderr().contains("Traceback"));
}

async fn both_see_the_others_one_socket_as_the_sender(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();

    let (host, port) = PeerClient::new(&rust, python.addr()).sender().await.unwrap();
    assert_eq!((host.as_str(), port), ("127.0.0.1", rust.local_addr().port()));
    let ended = python.call(rust.local_addr(), "sender", &[]).await;
    assert_eq!(ended, Ended::answered(format!("list [str '127.0.0.1', int {}]", python.addr().port())));
}

async fn handlers_call_their_callers_back(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();

    assert_eq!(PeerClient::new(&rust, python.addr()).call_back(41).await.unwrap(), 42);
    let stats = rust.stats();
    assert_eq!((stats.calls.completed, stats.requests.completed), (1, 1), "Python has called back");

    assert_eq!(python.call(rust.local_addr(), "call_back", &["41"]).await, Ended::answered("int 42"));
    let stats = rust.stats();
    assert_eq!((stats.calls.completed, stats.requests.completed), (2, 2), "Rust has called back");
}
