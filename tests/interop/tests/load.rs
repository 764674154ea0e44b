//! Many calls, one after the other and at once: on loopback none is lost.

use rpcudp::Limits;
use rpcudp_interop::{Ended, PeerClient, PeerServer, RustPeer, Venv};

rpcudp_interop::for_each_package!(
    a_thousand_calls_of_rusts_are_answered,
    fifty_calls_of_rusts_at_once_are_answered,
    a_thousand_calls_of_pythons_are_answered,
    fifty_calls_of_pythons_at_once_are_answered,
    a_python_client_that_is_not_known_is_not_throttled,
    fifty_calls_each_way_at_once_are_answered,
);

/// How often fifty calls are made at once.
const WAVE_COUNT: i64 = 20;
const WAVE_LEN: i64 = 50;

async fn a_thousand_calls_of_rusts_are_answered(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();
    let peer = PeerClient::new(&rust, python.addr());
    for number in 0..1_000 {
        assert_eq!(peer.add(number, number).await.unwrap(), 2 * number);
    }
    let stats = rust.stats();
    assert_eq!((stats.calls.started, stats.calls.completed, stats.datagrams.received), (1_000, 1_000, 1_000));
}

async fn fifty_calls_of_rusts_at_once_are_answered(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();
    let peer = PeerClient::new(&rust, python.addr());
    for wave in 0..WAVE_COUNT {
        call_at_once(&peer, wave).await;
    }
    assert_eq!(rust.stats().calls.completed, (WAVE_COUNT * WAVE_LEN) as u64);
    assert_eq!(rust.stats().dropped_in_all(), 0);
}

async fn a_thousand_calls_of_pythons_are_answered(venv: &Venv) {
    assert_python_is_answered(venv, 1).await;
}

async fn fifty_calls_of_pythons_at_once_are_answered(venv: &Venv) {
    assert_python_is_answered(venv, WAVE_LEN as usize).await;
}

async fn assert_python_is_answered(venv: &Venv, at_once: usize) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    for method in ["add", "add_later"] {
        let ended = python.calls(rust.local_addr(), method, &arguments(1_000), at_once).await;
        assert_eq!(ended, answers(1_000), "{method}");
    }
    let stats = rust.stats();
    assert_eq!((stats.requests.received, stats.requests.completed, stats.datagrams.sent), (2_000, 2_000, 2_000));
}

/// It asks as fast as it can, which is some thousand times a second, at the limits that strangers have by default.
async fn a_python_client_that_is_not_known_is_not_throttled(venv: &Venv) {
    const COUNT: i64 = 5_000;

    let python = venv.launch().start().await;
    let limits = Limits::default().limit_loopback(true);
    let rust = venv.endpoint().limits(limits).serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    let ended = python.calls(rust.local_addr(), "add", &arguments(COUNT), WAVE_LEN as usize).await;
    assert_eq!(ended, answers(COUNT));
    assert_eq!(rust.stats().dropped_in_all(), 0);
}

async fn fifty_calls_each_way_at_once_are_answered(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    let peer = PeerClient::new(&rust, python.addr());
    let rust_calls = async {
        for wave in 0..WAVE_COUNT {
            call_at_once(&peer, wave).await;
        }
    };
    let count = WAVE_COUNT * WAVE_LEN;
    let arguments = arguments(count);
    let python_calls = python.calls(rust.local_addr(), "add_later", &arguments, WAVE_LEN as usize);
    let ((), ended) = tokio::join!(rust_calls, python_calls);
    assert_eq!(ended, answers(count));
    assert_eq!(rust.stats().dropped_in_all(), 0);
}

/// Makes a wave of calls, all of which are sent before the first answer is looked at.
async fn call_at_once(peer: &PeerClient, wave: i64) {
    let calls: Vec<_> = (0..WAVE_LEN).map(|number| tokio::spawn(peer.add_later(wave, number))).collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), wave + number as i64);
    }
}

fn arguments(count: i64) -> Vec<Vec<String>> {
    (0..count).map(|number| vec![number.to_string(), number.to_string()]).collect()
}

fn answers(count: i64) -> Vec<Ended> {
    (0..count).map(|number| Ended::answered(format!("int {}", 2 * number))).collect()
}
