//! Methods that say how they are delivered, called from and by peers that know nothing of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::{DropReason, rpc_service};
use rpcudp_interop::{Ended, PeerClient, Venv};

rpcudp_interop::for_each_package!(
    resent_and_remembered_methods_of_pythons_answer_rust,
    every_copy_of_a_request_runs_in_python_and_the_first_answer_counts,
    a_oneway_call_runs_in_python_and_its_answer_is_dropped,
    resent_and_remembered_methods_of_rusts_answer_python,
    a_oneway_method_of_rusts_runs_for_python_and_answers_nothing,
);

#[rpc_service]
trait Resent {
    #[rpc(at_least_once)]
    fn add(&self, a: i64, b: i64) -> i64;
    #[rpc(at_most_once)]
    async fn add_later(&self, a: i64, b: i64) -> i64;
}

struct Adder;

impl Resent for Adder {
    fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn add_later(&self, a: i64, b: i64) -> i64 {
        tokio::task::yield_now().await;
        a + b
    }
}

async fn resent_and_remembered_methods_of_pythons_answer_rust(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();
    let peer = ResentClient::new(&rust, python.addr());
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

async fn every_copy_of_a_request_runs_in_python_and_the_first_answer_counts(venv: &Venv) {
    // Longer than a caller waits before it sends again, and not long enough for very many copies.
    const SECONDS: f64 = 0.8;
    let python = venv.launch().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();

    let at_least_once = AtLeastOnceClient::new(&rust, python.addr());
    assert_eq!(at_least_once.note_slowly("at least", SECONDS).await.unwrap(), "at least");
    let resent_first = rust.stats().calls.retransmitted;
    assert!(resent_first >= 1);
    for _ in 0..=resent_first {
        assert_eq!(python.noted().await, "at least");
    }

    // Python has no memory of the requests that it has answered: "at most once" is what peers of ours make of it.
    let at_most_once = AtMostOnceClient::new(&rust, python.addr());
    assert_eq!(at_most_once.note_slowly("at most", SECONDS).await.unwrap(), "at most");
    let resent = rust.stats().calls.retransmitted;
    assert!(resent > resent_first);
    for _ in resent_first..=resent {
        assert_eq!(python.noted().await, "at most");
    }

    // What is asked last is answered last: then all the copies have been answered too.
    let last = MaybeClient::new(&rust, python.addr()).note_slowly("last", SECONDS);
    assert_eq!(last.await.unwrap(), "last");
    assert_eq!(python.noted().await, "last", "nothing ran in between");
    assert_eq!(rust.stats().calls.retransmitted, resent, "a plain call is sent once");
    assert_eq!(rust.stats().dropped(DropReason::UnmatchedResponse), resent);
}

#[rpc_service]
trait OneWay {
    #[rpc(oneway)]
    fn note(&self, text: &str);
}

async fn a_oneway_call_runs_in_python_and_its_answer_is_dropped(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();
    OneWayClient::new(&rust, python.addr()).note("gossip").await.unwrap();
    assert_eq!(python.noted().await, "gossip");
    // Python answers in turn: what it has answered before this is here before this.
    assert_eq!(PeerClient::new(&rust, python.addr()).add(1, 2).await.unwrap(), 3);
    let stats = rust.stats();
    assert_eq!(stats.dropped(DropReason::UnmatchedResponse), 1);
    assert_eq!((stats.calls.started, stats.calls.completed, stats.datagrams.received), (2, 1, 2));
}

async fn resent_and_remembered_methods_of_rusts_answer_python(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(ResentServer::new(Adder)).bind("127.0.0.1:0").await.unwrap();
    assert_eq!(python.call(rust.local_addr(), "add", &["1", "2"]).await, Ended::answered("int 3"));
    assert_eq!(python.call(rust.local_addr(), "add_later", &["1", "3"]).await, Ended::answered("int 4"));
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl OneWay for Notes {
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.into());
    }
}

async fn a_oneway_method_of_rusts_runs_for_python_and_answers_nothing(venv: &Venv) {
    let python = venv.launch().wait_timeout(Duration::from_millis(500)).start().await;
    let notes = Arc::new(Notes::default());
    let served = OneWayServer::from_arc(Arc::clone(&notes));
    let rust = venv.endpoint().serve(served).bind("127.0.0.1:0").await.unwrap();
    assert_eq!(python.call(rust.local_addr(), "note", &["'gossip'"]).await, Ended::TimedOut);
    assert_eq!(*notes.0.lock().unwrap(), ["gossip"]);
    assert_eq!(rust.stats().datagrams.sent, 0);
}
