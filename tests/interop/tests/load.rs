//! Many calls, sequential and concurrent: none is lost on loopback.

use rpcudp::Limits;
use rpcudp_interop::{CallOutcome, PeerClient, PeerServer, RustPeer, Venv};

rpcudp_interop::for_each_peer!(
    a_thousand_sequential_calls_of_rust_complete,
    fifty_concurrent_calls_of_rust_complete,
    a_thousand_sequential_calls_of_python_complete,
    fifty_concurrent_calls_of_python_complete,
    an_unvalidated_python_client_is_not_throttled,
    fifty_concurrent_calls_each_way_complete,
);

/// The number of waves of concurrent calls.
const WAVE_COUNT: i64 = 20;
/// The number of calls in a wave.
const WAVE_LEN: i64 = 50;

async fn a_thousand_sequential_calls_of_rust_complete(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();
    let peer = PeerClient::new(&rust, python.addr());
    for number in 0..1_000 {
        assert_eq!(peer.add(number, number).await.unwrap(), 2 * number);
    }
    let stats = rust.stats();
    assert_eq!((stats.calls.started, stats.calls.completed, stats.datagrams.received), (1_000, 1_000, 1_000));
}

async fn fifty_concurrent_calls_of_rust_complete(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();
    let peer = PeerClient::new(&rust, python.addr());
    for wave in 0..WAVE_COUNT {
        call_concurrently(&peer, wave).await;
    }
    assert_eq!(rust.stats().calls.completed, (WAVE_COUNT * WAVE_LEN) as u64);
    assert_eq!(rust.stats().dropped_in_all(), 0);
}

async fn a_thousand_sequential_calls_of_python_complete(venv: &Venv) {
    assert_python_calls_complete(venv, 1).await;
}

async fn fifty_concurrent_calls_of_python_complete(venv: &Venv) {
    assert_python_calls_complete(venv, WAVE_LEN as usize).await;
}

async fn assert_python_calls_complete(venv: &Venv, concurrency: usize) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    for method in ["add", "add_later"] {
        let outcome = python.calls(rust.local_addr(), method, &arguments(1_000), concurrency).await;
        assert_eq!(outcome, outcomes(1_000), "{method}");
    }
    let stats = rust.stats();
    assert_eq!((stats.requests.received, stats.requests.completed, stats.datagrams.sent), (2_000, 2_000, 2_000));
}

/// Python calls as fast as it can, some thousand times a second, within the default limits of
/// unvalidated sources.
async fn an_unvalidated_python_client_is_not_throttled(venv: &Venv) {
    const COUNT: i64 = 5_000;

    let python = venv.launch().start().await;
    let limits = Limits::default().limit_loopback(true);
    let rust = venv.endpoint().limits(limits).serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    let outcome = python.calls(rust.local_addr(), "add", &arguments(COUNT), WAVE_LEN as usize).await;
    assert_eq!(outcome, outcomes(COUNT));
    assert_eq!(rust.stats().dropped_in_all(), 0);
}

async fn fifty_concurrent_calls_each_way_complete(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    let peer = PeerClient::new(&rust, python.addr());
    let rust_calls = async {
        for wave in 0..WAVE_COUNT {
            call_concurrently(&peer, wave).await;
        }
    };
    let count = WAVE_COUNT * WAVE_LEN;
    let arguments = arguments(count);
    let python_calls = python.calls(rust.local_addr(), "add_later", &arguments, WAVE_LEN as usize);
    let ((), outcome) = tokio::join!(rust_calls, python_calls);
    assert_eq!(outcome, outcomes(count));
    assert_eq!(rust.stats().dropped_in_all(), 0);
}

/// Makes a wave of calls, which are all sent before the first response is read.
async fn call_concurrently(peer: &PeerClient, wave: i64) {
    let calls: Vec<_> = (0..WAVE_LEN).map(|number| tokio::spawn(peer.add_later(wave, number))).collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), wave + number as i64);
    }
}

fn arguments(count: i64) -> Vec<Vec<String>> {
    (0..count).map(|number| vec![number.to_string(), number.to_string()]).collect()
}

fn outcomes(count: i64) -> Vec<CallOutcome> {
    (0..count).map(|number| CallOutcome::returned(format!("int {}", 2 * number))).collect()
}
