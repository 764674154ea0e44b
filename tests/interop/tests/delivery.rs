//! Methods with delivery attributes, called by Python and served by Python, which has no such
//! attributes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::{DropReason, rpc_service};
use rpcudp_interop::{CallOutcome, PeerClient, Venv};

rpcudp_interop::for_each_package!(
    rust_calls_python_at_least_once_and_at_most_once,
    python_runs_every_duplicate_and_rust_takes_the_first_response,
    a_oneway_call_runs_in_python_and_its_response_is_dropped,
    python_calls_at_least_once_and_at_most_once_methods_of_rust,
    a_oneway_method_of_rust_runs_for_python_without_a_response,
);

#[rpc_service]
trait Retransmitted {
    #[rpc(at_least_once)]
    fn add(&self, a: i64, b: i64) -> i64;
    #[rpc(at_most_once)]
    async fn add_later(&self, a: i64, b: i64) -> i64;
}

struct Adder;

impl Retransmitted for Adder {
    fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn add_later(&self, a: i64, b: i64) -> i64 {
        tokio::task::yield_now().await;
        a + b
    }
}

async fn rust_calls_python_at_least_once_and_at_most_once(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();
    let peer = RetransmittedClient::new(&rust, python.addr());
    assert_eq!(peer.add(1, 2).await.unwrap(), 3);
    assert_eq!(peer.add_later(1, 3).await.unwrap(), 4);
    assert_eq!(rust.stats().calls.completed, 2);
}

#[rpc_service]
trait AtLeastOnce {
    #[rpc(at_least_once)]
    fn note_slowly(&self, text: &str, seconds: f64) -> String;
}

#[rpc_service]
trait AtMostOnce {
    #[rpc(at_most_once)]
    fn note_slowly(&self, text: &str, seconds: f64) -> String;
}

#[rpc_service]
trait Maybe {
    fn note_slowly(&self, text: &str, seconds: f64) -> String;
}

async fn python_runs_every_duplicate_and_rust_takes_the_first_response(venv: &Venv) {
    // Longer than the first retransmission timeout, and too short for many retransmissions.
    const SECONDS: f64 = 0.8;
    let python = venv.launch().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();

    let at_least_once = AtLeastOnceClient::new(&rust, python.addr());
    assert_eq!(at_least_once.note_slowly("at least", SECONDS).await.unwrap(), "at least");
    let first_count = rust.stats().calls.retransmitted;
    assert!(first_count >= 1);
    for _ in 0..=first_count {
        assert_eq!(python.noted().await, "at least");
    }

    // Python stores no responses, so only Rust peers run an at-most-once method once.
    let at_most_once = AtMostOnceClient::new(&rust, python.addr());
    assert_eq!(at_most_once.note_slowly("at most", SECONDS).await.unwrap(), "at most");
    let total_count = rust.stats().calls.retransmitted;
    assert!(total_count > first_count);
    for _ in first_count..=total_count {
        assert_eq!(python.noted().await, "at most");
    }

    // Python responds in order, so this response follows those to all duplicates.
    let last = MaybeClient::new(&rust, python.addr()).note_slowly("last", SECONDS);
    assert_eq!(last.await.unwrap(), "last");
    assert_eq!(python.noted().await, "last", "no other duplicate ran");
    assert_eq!(rust.stats().calls.retransmitted, total_count, "a call without a delivery attribute is sent once");
    assert_eq!(rust.stats().dropped(DropReason::UnmatchedResponse), total_count);
}

#[rpc_service]
trait OneWay {
    #[rpc(oneway)]
    fn note(&self, text: &str);
}

async fn a_oneway_call_runs_in_python_and_its_response_is_dropped(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();
    OneWayClient::new(&rust, python.addr()).note("gossip").await.unwrap();
    assert_eq!(python.noted().await, "gossip");
    // Python responds in order, so this response follows the one to the oneway call.
    assert_eq!(PeerClient::new(&rust, python.addr()).add(1, 2).await.unwrap(), 3);
    let stats = rust.stats();
    assert_eq!(stats.dropped(DropReason::UnmatchedResponse), 1);
    assert_eq!((stats.calls.started, stats.calls.completed, stats.datagrams.received), (2, 1, 2));
}

async fn python_calls_at_least_once_and_at_most_once_methods_of_rust(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(RetransmittedServer::new(Adder)).bind("127.0.0.1:0").await.unwrap();
    assert_eq!(python.call(rust.local_addr(), "add", &["1", "2"]).await, CallOutcome::returned("int 3"));
    assert_eq!(python.call(rust.local_addr(), "add_later", &["1", "3"]).await, CallOutcome::returned("int 4"));
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl OneWay for Notes {
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.into());
    }
}

async fn a_oneway_method_of_rust_runs_for_python_without_a_response(venv: &Venv) {
    let python = venv.launch().wait_timeout(Duration::from_millis(500)).start().await;
    let notes = Arc::new(Notes::default());
    let served = OneWayServer::from_arc(Arc::clone(&notes));
    let rust = venv.endpoint().serve(served).bind("127.0.0.1:0").await.unwrap();
    assert_eq!(python.call(rust.local_addr(), "note", &["'gossip'"]).await, CallOutcome::TimedOut);
    assert_eq!(*notes.0.lock().unwrap(), ["gossip"]);
    assert_eq!(rust.stats().datagrams.sent, 0);
}
